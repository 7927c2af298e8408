"""What of a folder is not used, as findings; paths in them are relative to a `root`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Finding, Occurrence, finding
from imgrec.data.storage import files_below, is_folder, is_system_entry, list_folder
from imgrec.data.suffixes import format_of
from imgrec.text import count_of


def besides(folder: Path, used: Collection[Path], root: Path) -> tuple[Finding, ...]:
    """Return what is directly in `folder` besides the files and folders that are used."""
    found = list_folder(folder)
    files = [file for file in found.files if file not in used]
    return (
        *finding(
            FindingKind.UNUSED_FOLDERS,
            (counted(each, root) for each in found.folders if each not in used),
        ),
        *finding(FindingKind.UNUSED_IMAGES, named((f for f in files if format_of(f.name)), root)),
        *finding(
            FindingKind.UNUSED_FILES, named((f for f in files if not format_of(f.name)), root)
        ),
        *hidden(found.hidden, root),
    )


def hidden(paths: Iterable[Path], root: Path) -> tuple[Finding, ...]:
    """Return what was left out as hidden: folders that have visible files in them, and the rest."""
    found = list(paths)
    folders = [
        path
        for path in found
        if not is_system_entry(path.name) and is_folder(path) and files_below(path).files
    ]
    return (
        *finding(FindingKind.HIDDEN_FOLDERS, (counted(path, root) for path in folders)),
        *finding(FindingKind.HIDDEN, named((path for path in found if path not in folders), root)),
    )


def named(paths: Iterable[Path], root: Path) -> Iterator[Occurrence]:
    """Yield a case for each path."""
    return (Occurrence((path.relative_to(root).as_posix(),)) for path in paths)


def counted(folder: Path, root: Path, files: int | None = None) -> Occurrence:
    """Return a case for a folder, with how many files are in it and below."""
    count = len(files_below(folder).files) if files is None else files
    path = folder.relative_to(root).as_posix()
    return Occurrence((path,), count_of(count, "file"))
