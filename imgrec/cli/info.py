"""`imgrec info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.text import count_of

if TYPE_CHECKING:
    from imgrec.models.backend import Machine


_ONEDNN = {True: "on", False: "off", None: "not known: TensorFlow is not installed"}
_NO_GPU = {False: "none found; using the CPU", True: "not known: TensorFlow is not installed"}


@options.command("info")
@options.as_json
@click.pass_obj
def info(console: Console, *, as_json: bool) -> None:
    """Show versions, devices and CPU features.

    Example: imgrec info
    """
    from imgrec.models.backend import describe
    from imgrec.versions import versions

    found, machine = versions(), describe()
    if as_json:
        from imgrec.cli.documents import InfoDocument

        return console.document(InfoDocument(1, found, machine))
    return console.table(("item", "value"), [*found.items(), *_lines(machine)])


def _lines(machine: Machine) -> list[tuple[str, str]]:
    return [
        ("processor", f"{machine.processor}, {count_of(machine.cores, 'core')}"),
        ("AVX-512", "yes" if machine.avx512 else "no"),
        ("bfloat16", ", ".join(machine.bfloat16) or "no instructions known"),
        ("oneDNN", _ONEDNN[machine.onednn]),
        ("GPU", ", ".join(machine.gpus) or _NO_GPU[machine.onednn is None]),
    ]
