"""A folder of images taken as it is: what a loader would refuse is left for a check to find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgrec.data.classes import labelled, relabelled
from imgrec.data.findings import Finding, merged
from imgrec.data.left_out import hidden
from imgrec.data.records import SPLITS, Record
from imgrec.data.sources.layout import find_layout, split_names
from imgrec.data.sources.loaders import read_class_folders
from imgrec.data.storage import files_below, list_folder
from imgrec.errors import DataError
from imgrec.text import class_name, printable

if TYPE_CHECKING:
    from imgrec.data.check import CheckInput


def read_leniently(root: Path) -> CheckInput:
    """Return the images in a folder of split folders, of class folders, or of images alone.

    Names are paths below `root`; classes are those of any split, sorted, none if there are
    no class folders.

    Raises:
        DataError: A folder can't be read or holds nothing, or like `find_layout`.
    """
    from imgrec.data.check import CheckInput

    layout = find_layout(root)
    folders = layout.folders if layout.has_splits else _bare_splits(root) or layout.folders
    names = {each.name for folder in folders.values() for each in list_folder(folder).folders}
    classes = tuple(sorted({class_name(name) for name in names}))
    records: dict[str, tuple[Record, ...]] = {}
    findings = [*layout.findings]
    for split, folder in folders.items():
        records[split], found = _read(root, folder, classes)
        findings += found
    if not any(records.values()):
        where = printable(str(root))
        raise DataError(
            f"no files in {where}",
            hint=f"put images into one folder per class, such as {where}/cat/1.jpg",
        )
    return CheckInput(records, classes, merged(findings))


def _bare_splits(root: Path) -> dict[str, Path]:
    """Return the split folders if there is nothing else and none contains class folders."""
    folders = list_folder(root).folders
    names = split_names([folder.name for folder in folders])
    splits = {names.get(folder.name, ""): folder for folder in folders}
    if "" in splits or len(splits) < len(folders):
        return {}
    return {split: splits[split] for split in SPLITS if split in splits}


def _read(
    root: Path, folder: Path, classes: tuple[str, ...]
) -> tuple[tuple[Record, ...], tuple[Finding, ...]]:
    """Return the records of one split, and what of it is not used."""
    if not classes:
        bare = files_below(folder)
        records = (Record(file.relative_to(root).as_posix(), 0, file) for file in bare.files)
        return tuple(records), hidden(bare.hidden, root)
    found = read_class_folders(folder, root, root)
    dataset = relabelled(labelled(found.images), classes, str(root))
    return dataset.records, (*found.findings, *dataset.findings)
