"""A contract for import-linter: a package is imported through its door, its `__init__`.

Modules outside a package below `imgrec.<layer>` import the names that its `__init__` exports, never
from a module inside it.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class DoorsContract(Contract):
    """Every package at least `depth` names deep is only imported through its `__init__`.

    Configuration options:
        root: The package whose sub-packages have doors.
        depth: How many names a package with a door has at least; `imgrec.data.images` has three.
        open: Packages without a door, whose modules any module may import. (Optional.)
    """

    type_name = "doors"

    root = fields.StringField()
    depth = fields.IntegerField()
    open = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001
        """Return every import that bypasses a door."""
        del verbose
        doors = self._doors(graph)
        trespasses = [
            (importer, imported, door)
            for importer in sorted(graph.modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if (door := _door_between(importer, imported, doors))
        ]
        return ContractCheck(kept=not trespasses, metadata={"trespasses": trespasses})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each of these imports with the door it should use."""
        for importer, imported, door in check.metadata["trespasses"]:
            output.print_error(f"{importer} imports {imported}: import it from {door}")

    def _doors(self, graph: ImportGraph) -> frozenset[str]:
        return frozenset(
            module
            for module in graph.find_descendants(str(self.root))
            if module.count(".") + 1 >= int(str(self.depth))
            and graph.find_children(module)
            and module not in self.open  # type: ignore[operator]
        )


def _door_between(importer: str, imported: str, doors: frozenset[str]) -> str | None:
    """Return the outermost door that `imported` is behind and `importer` is not."""
    parts = imported.split(".")
    packages = (".".join(parts[:end]) for end in range(1, len(parts)))
    return next(
        (
            package
            for package in packages
            if package in doors and importer != package and not importer.startswith(f"{package}.")
        ),
        None,
    )
