"""Folders of images, one per class, perhaps below folders for each split."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgrec.data.loader import Loader
from imgrec.data.records import ALL_SPLITS, SPLIT_NAMES, Dataset, Record, RecordsBySplit
from imgrec.data.storage import files_below, is_folder, list_folder
from imgrec.errors import DataError
from imgrec.sections.section import Section
from imgrec.text import printable

log = logging.getLogger("imgrec")

_LAYOUT = "put images into one folder per class, such as {root}/cat/1.jpg and {root}/dog/1.jpg"


def read_folders(root: Path) -> RecordsBySplit:
    """Return the images below `root`, by split folder if it has any, else as `all`.

    Raises DataError like `read_folder` and `find_splits`.
    """
    folders = find_splits(root)
    _check_root(root, folders)
    if not folders:
        return {ALL_SPLITS: read_folder(root)}
    return {part: read_folder(folder) for part, folder in folders.items()}


def read_folder(root: Path) -> Dataset:
    """Return the images below `root`, one class per folder, labels by sorted class name.

    Every file in a class folder or below it becomes a record, except hidden ones, even if it
    turns out not to be an image when it is decoded.

    Raises DataError if the folder doesn't exist or a class folder is empty.
    """
    top = list_folder(root)
    if not top.folders:
        raise _no_classes(root, top.files)
    records: list[Record] = []
    ignored, empty = top.hidden, []
    for label, folder in enumerate(top.folders):
        found = files_below(folder)
        ignored += found.hidden
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
    classes = tuple(folder.name for folder in top.folders)
    return Dataset(tuple(sorted(records, key=lambda record: record.name)), classes, ignored)


def find_splits(root: Path) -> dict[str, Path]:
    """Return the split folders directly in `root`, by split (train, validation, test).

    A split folder is called train, val, valid, validation or test (in small or capital
    letters) and holds folders: a class called `train` holds images. Raises DataError
    if a split has two folders, or `root` can't be read.
    """
    splits: dict[str, Path] = {}
    for folder in list_folder(root).folders:
        split = SPLIT_NAMES.get(folder.name.lower())
        if split is None or not list_folder(folder).folders:
            continue
        if split in splits:
            both = f"{printable(splits[split].name)} and {printable(folder.name)}"
            raise DataError(
                f"{_shown(root)} holds both {both}, and either may be the {split} split",
                hint="remove or rename one of them",
            )
        splits[split] = folder
    return splits


def _no_classes(root: Path, beside: Sequence[Path]) -> DataError:
    hint = _LAYOUT.format(root=_shown(root))
    if beside:
        return DataError(
            f"{_shown(root)} holds {len(beside)} files, but no class folders", hint=hint
        )
    return DataError(f"no images in {_shown(root)}", hint=hint)


def _check_root(root: Path, splits: Mapping[str, Path]) -> None:
    """Raise DataError if all folders are named like splits, but have no class folders."""
    others = [folder.name for folder in list_folder(root).folders if folder not in splits.values()]
    if others and all(name.lower() in SPLIT_NAMES for name in others) and "train" not in splits:
        raise DataError(
            f"no class folders in {_names(root, others)}",
            hint=f"put images into one folder per class, such as {others[0]}/cat/1.jpg",
        )
    if splits and others:
        log.warning("left out, being neither train, validation nor test: %s", _names(root, others))


def _names(root: Path, names: Sequence[str]) -> str:
    return ", ".join(_shown(root / name) for name in names)


def _listing(thing: str, names: Sequence[str]) -> str:
    plural = "s" if len(names) > 1 else ""
    return f"{thing}{plural} {', '.join(printable(name) for name in names)}"


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


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
