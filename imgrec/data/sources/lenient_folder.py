"""A folder of images taken as it is: what a loader would refuse is left for a check to find."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imgrec.data.records import ALL_SPLITS, SPLIT_NAMES, SPLITS, Record
from imgrec.data.sources.loaders import find_splits
from imgrec.data.storage import files_below, list_folder
from imgrec.errors import DataError
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.data.check import CheckInput

log = logging.getLogger("imgrec")


def read_leniently(root: Path) -> CheckInput:
    """Return the images in a folder of split folders, of class folders, or of images alone.

    Names are paths below `root`; classes are those of any split, sorted, none where there are
    no class folders. Files beside class folders belong to none and are left out, which is
    logged. Raises DataError where a folder can't be read or holds nothing.
    """
    from imgrec.data.check import CheckInput

    found = find_splits(root) or _bare_splits(root) or {ALL_SPLITS: root}
    splits = {name: found[name] for name in (*SPLITS, ALL_SPLITS) if name in found}
    classes = sorted(
        {each.name for folder in splits.values() for each in list_folder(folder).folders}
    )
    records: dict[str, tuple[Record, ...]] = {}
    hidden = 0
    for name, folder in splits.items():
        records[name], ignored = _read(root, folder, classes)
        hidden += ignored
    if not any(records.values()):
        raise DataError(f"no files in {printable(str(root))}", hint="check the path")
    return CheckInput(records, tuple(classes), hidden)


def _bare_splits(root: Path) -> dict[str, Path]:
    """Return the split folders where there is nothing else and none holds class folders."""
    folders = list_folder(root).folders
    splits = {SPLIT_NAMES.get(folder.name.lower(), ""): folder for folder in folders}
    return {} if "" in splits or len(splits) < len(folders) else splits


def _read(root: Path, folder: Path, classes: Sequence[str]) -> tuple[tuple[Record, ...], int]:
    """Return the records of one split, and how many hidden files it has."""
    if not classes:
        bare = files_below(folder)
        return tuple(_record(file, 0, root) for file in bare.files), bare.hidden
    top = list_folder(folder)
    if top.files:
        where = printable(str(folder))
        log.warning("%d files directly in %s belong to no class: left out", len(top.files), where)
    labels = {name: label for label, name in enumerate(classes)}
    inside = [files_below(each) for each in top.folders]
    records = tuple(
        _record(file, labels[each.name], root)
        for each, found in zip(top.folders, inside, strict=True)
        for file in found.files
    )
    return records, top.hidden + sum(found.hidden for found in inside)


def _record(file: Path, label: int, root: Path) -> Record:
    return Record(file.relative_to(root).as_posix(), label, file)
