"""Folders of images, one per class, perhaps below folders for each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imgrec.data.classes import NamedLabel, labelled, with_findings
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Finding, Occurrence, finding, merged
from imgrec.data.left_out import besides, counted, hidden
from imgrec.data.loader import Loader
from imgrec.data.records import Dataset, RecordsBySplit
from imgrec.data.sources.layout import Layout, find_layout, split_names
from imgrec.data.storage import files_below, is_folder, list_folder, resolved
from imgrec.data.suffixes import format_of
from imgrec.errors import DataError
from imgrec.sections.section import Section
from imgrec.text import count_of, either, join_few, plural, printable

_LAYOUT = "put images into one folder per class, such as {root}/cat/1.jpg and {root}/dog/1.jpg"


@dataclass(frozen=True)
class ClassFolders:
    """The files in the class folders of a folder.

    images: a label for each file. empty: the class folders without files. findings: what is not
    used, and what was merged.
    """

    images: tuple[NamedLabel, ...]
    empty: tuple[Path, ...]
    findings: tuple[Finding, ...]


def read_folders(root: Path) -> RecordsBySplit:
    """Return the images below `root`, by split folder if it has any, else as `all`.

    Raises DataError like `read_folder` and `find_layout`.
    """
    layout = find_layout(root)
    _check_splits(layout)
    parts = {part: read_folder(folder, root) for part, folder in layout.folders.items()}
    return with_findings(parts, layout.findings)


def read_folder(folder: Path, root: Path | None = None) -> Dataset:
    """Return the images below `folder`, one class per folder, labels by sorted class name.

    Every file in a class folder or below it becomes a record, except hidden ones, even if it
    turns out not to be an image when it is decoded.

    Args:
        folder: The folder that contains the class folders.
        root: The folder that the paths in findings are relative to; by default, `folder`.

    Raises:
        DataError: The folder doesn't exist, or a class folder is empty.
    """
    top = list_folder(folder)
    if not top.folders:
        raise _no_classes(folder, top.files)
    found = read_class_folders(folder, folder, root or folder)
    if found.empty:
        names = [each.name for each in found.empty]
        raise DataError(
            f"no images in {_listing('class folder', names)} of {_shown(folder)}",
            hint="put images there, or remove the folder",
        )
    dataset = labelled(found.images)
    return replace(dataset, findings=merged((*found.findings, *dataset.findings)))


def read_class_folders(folder: Path, base: Path, root: Path) -> ClassFolders:
    """Return the files in the class folders that `folder` contains.

    Args:
        folder: The folder of class folders.
        base: The folder that the names of images are relative to.
        root: The folder that the paths in findings are relative to.

    Raises:
        DataError: A folder can't be read, or contains the split folders of a data set.
    """
    images: list[NamedLabel] = []
    empty: list[Path] = []
    datasets: list[Path] = []
    folders = list_folder(folder).folders
    findings = [*besides(folder, folders, root)]
    for each in folders:
        found = files_below(each)
        names = [file.relative_to(base).as_posix() for file in found.files]
        images += [
            NamedLabel(name, (each.name,), file)
            for name, file in zip(names, found.files, strict=True)
        ]
        findings += [
            *finding(FindingKind.NESTED_FOLDERS, _nested(each, names, base, root)),
            *hidden(found.hidden, root),
        ]
        if not found.files:
            empty.append(each)
        if _has_splits(each, names, base):
            datasets.append(each)
    if datasets:
        raise DataError(
            f"folders in {_shown(folder)} contain split folders, not images of a class; did you "
            f"mean {either([str(each) for each in datasets])}?",
            hint="name the folder of one data set",
        )
    findings += finding(FindingKind.REPEATED_FOLDERS, _repeated(folders))
    return ClassFolders(tuple(images), tuple(empty), merged(findings))


def _nested(folder: Path, names: Sequence[str], base: Path, root: Path) -> Iterator[Occurrence]:
    """Yield the folders directly in a class folder, with how many files are in each."""
    start = len(folder.relative_to(base).as_posix()) + 1
    inside = (name[start:].partition("/") for name in names)
    for name, count in Counter(first for first, slash, _ in inside if slash).items():
        yield counted(folder / name, root, count)


def _has_splits(folder: Path, names: Sequence[str], base: Path) -> bool:
    """Return whether several folders directly in a class folder are splits with class folders."""
    start = len(folder.relative_to(base).as_posix()) + 1
    inside = {name[start:].partition("/")[0] for name in names if name.count("/", start) > 1}
    return len(set(split_names(inside).values())) > 1


def _repeated(folders: Sequence[Path]) -> Iterator[Occurrence]:
    """Yield the names of the folders inside, if they are the same in all of several folders."""
    inside = [tuple(each.name for each in list_folder(folder).folders) for folder in folders[:2]]
    if len(inside) < 2 or len(inside[0]) < 2 or inside[0] != inside[1]:
        return
    if all(inside[0] == tuple(e.name for e in list_folder(f).folders) for f in folders[2:]):
        shown = " and ".join(folder.name for folder in folders[:2])
        yield Occurrence(inside[0], f"if {shown} are splits, name them with data.train, data.test")


def _no_classes(root: Path, beside: Sequence[Path]) -> DataError:
    hint = _LAYOUT.format(root=_shown(root))
    if beside:
        message = f"{_shown(root)} holds {count_of(len(beside), 'file')}, but no class folders"
        if meant := _class_folder(root):
            return DataError(f"{message}; did you mean {meant}?", hint="name the folder above it")
        return DataError(message, hint=hint)
    return DataError(f"no images in {_shown(root)}", hint=hint)


def _class_folder(folder: Path) -> str:
    """Return the folder above if all folders in it contain images, as class folders do."""
    above = Path(resolved(folder)).parent
    try:
        found = list_folder(above).folders
        if len(found) < 2 or not all(map(_has_images, found)):
            return ""
    except DataError:
        return ""
    shown = folder.parent if len(folder.parts) > 1 else above
    names = join_few([each.name for each in found])
    return f"{_shown(shown)}, which contains {names}"


def _has_images(folder: Path) -> bool:
    return any(format_of(file.name) for file in list_folder(folder).files)


def _check_splits(layout: Layout) -> None:
    """Raise DataError if all folders are named like splits, but have no class folders."""
    names = [each.name for each in layout.beside]
    if names and "train" not in layout.folders and len(split_names(names)) == len(names):
        shown = ", ".join(_shown(folder) for folder in layout.beside)
        raise DataError(
            f"no class folders in {shown}",
            hint=f"put images into one folder per class, such as {names[0]}/cat/1.jpg",
        )


def _listing(thing: str, names: Sequence[str]) -> str:
    return f"{plural(thing, len(names))} {', '.join(printable(name) for name in names)}"


def _shown(path: Path) -> str:
    return printable(str(path))


LOADER = Loader(
    "folder",
    "folders of images, one per class",
    Section,
    lambda request: read_folders(Path(request.path)),
    detects=is_folder,
    general=True,
)
