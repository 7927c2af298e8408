"""Labelled images in folders: one folder per class."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from pathlib import Path

from imgrec.data.records import Dataset, Record
from imgrec.data.walk import files_below, listed
from imgrec.errors import DataError
from imgrec.text import shown

log = logging.getLogger("imgrec")

SPLIT_NAMES = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}

_LAYOUT = "images belong into one folder per class, such as {root}/cat/1.jpg and {root}/dog/1.jpg"

_CLASSES_SHOWN = 10


def read_folder(root: Path, classes: Sequence[str] | None = None) -> Dataset:
    """Return the images below `root`, one class per folder, labels by sorted class name.

    classes: where given, the classes to use, in that order; not all need be there.
    Every file in a class folder or below it becomes a record, except hidden ones; whether
    it is an image shows when it is decoded.

    Raises DataError where there is no such folder, a class folder is empty or unknown, and,
    without `classes`, where there are fewer than two classes.
    """
    top = listed(root)
    names = tuple(folder.name for folder in top.folders)
    _check(root, names, top.files, classes)
    known = names if classes is None else tuple(classes)
    records: list[Record] = []
    ignored, empty = top.hidden, []
    for folder in top.folders:
        found = files_below(folder)
        ignored += found.hidden
        label = known.index(folder.name)
        records += [Record(_name(file, root), label, file) for file in found.files]
        if not found.files:
            empty.append(folder.name)
    if empty:
        raise DataError(
            f"no images in {_listing('class folder', empty)} of {_shown(root)}",
            hint="put images there, or remove the folder",
        )
    if top.files:
        log.warning(
            "%d files directly in %s belong to no class and are left out",
            len(top.files),
            _shown(root),
        )
    return Dataset(tuple(sorted(records, key=lambda record: record.name)), known, ignored)


def find_splits(root: Path) -> dict[str, Path]:
    """Return the split folders directly in `root`, by split (train, validation, test).

    A split folder is called train, val, valid, validation or test (in small or capital
    letters) and holds folders: a class called `train` holds images. Raises DataError
    where a split has two folders, and where `root` can't be read.
    """
    splits: dict[str, Path] = {}
    for folder in listed(root).folders:
        split = SPLIT_NAMES.get(folder.name.lower())
        if split is None or not listed(folder).folders:
            continue
        if split in splits:
            both = f"{shown(splits[split].name)} and {shown(folder.name)}"
            raise DataError(
                f"{_shown(root)} holds both {both}, and either may be the {split} split",
                hint="remove or rename one of them",
            )
        splits[split] = folder
    return splits


def _check(
    root: Path, names: Sequence[str], beside: Sequence[Path], classes: Sequence[str] | None
) -> None:
    layout = _LAYOUT.format(root=_shown(root))
    if not names and beside:
        raise DataError(
            f"{_shown(root)} holds {len(beside)} files, but no class folders", hint=layout
        )
    if not names:
        raise DataError(f"no images in {_shown(root)}", hint=layout)
    if classes is None and len(names) == 1:
        raise DataError(
            f"only one class in {_shown(root)}: {shown(names[0])}",
            hint=f"a classifier needs at least two; {layout}",
        )
    if classes is not None:
        _check_known(root, [name for name in names if name not in classes], classes)


def _check_known(root: Path, unknown: Sequence[str], classes: Sequence[str]) -> None:
    if not unknown:
        return
    known = ", ".join(shown(name) for name in classes[:_CLASSES_SHOWN])
    more = max(0, len(classes) - _CLASSES_SHOWN)
    rest = f" and {more} more" if more else ""
    near = [
        f"{shown(name)} is near to {shown(match)}"
        for name in unknown
        for match in difflib.get_close_matches(name, classes, n=1)
    ]
    raise DataError(
        f"unknown {_listing('class folder', unknown)} in {_shown(root)}; known: {known}{rest}",
        hint="; ".join(near) or "rename or remove it",
    )


def _listing(thing: str, names: Sequence[str]) -> str:
    plural = "s" if len(names) > 1 else ""
    return f"{thing}{plural} {', '.join(shown(name) for name in names)}"


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def _shown(path: Path) -> str:
    return shown(str(path))
