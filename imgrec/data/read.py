"""From section `data` of a config to images in training, validation and test."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imgrec.config.experiment import Data
from imgrec.data.digits import read_digits
from imgrec.data.folder import SPLIT_NAMES, find_splits, read_folder
from imgrec.data.records import Dataset, Splits
from imgrec.data.split import split
from imgrec.data.walk import listed
from imgrec.errors import DataError
from imgrec.text import shown

log = logging.getLogger("imgrec")

DEFAULT_VALIDATION = 0.2


def read(data: Data, seed: int) -> Splits:
    """Return the images that `data` tells of, none of them opened yet.

    Parts that have no folder of their own are split off the training images by `seed`: as
    `data.split` says, else 20 % for validation where there is none. Names are paths below the
    folder that holds the class folders; where that is more than one, after `train/`,
    `validation/` or `test/`.

    Raises DataError where there are no such images, or their classes don't fit together.
    """
    return _LOADERS[data.loader](data, seed)


def _digits(data: Data, seed: int) -> Splits:
    return _divided(read_digits(), data, seed)


def _folder(data: Data, seed: int) -> Splits:
    if data.root is None:
        given = {"train": data.train, "validation": data.validation, "test": data.test}
        return _joined({part: Path(path) for part, path in given.items() if path}, data, seed)
    root = Path(data.root)
    folders = find_splits(root)
    _check_root(root, folders)
    if not folders:
        return _divided(read_folder(root), data, seed)
    return _joined(folders, data, seed)


_LOADERS: Mapping[str, Callable[[Data, int], Splits]] = {"folder": _folder, "digits": _digits}


def _check_root(root: Path, splits: Mapping[str, Path]) -> None:
    """Raise DataError where the folders look like splits, but can't be used as such."""
    others = [folder.name for folder in listed(root).folders if folder not in splits.values()]
    if others and all(name.lower() in SPLIT_NAMES for name in others) and "train" not in splits:
        raise DataError(
            f"no class folders in {_names(root, others)}",
            hint=f"images belong into one folder per class, such as {others[0]}/cat/1.jpg",
        )
    if splits and "train" not in splits:
        raise DataError(
            f"{shown(str(root))} has no folder train",
            hint="name the training images with data.train",
        )
    if splits and others:
        log.warning("left out, being neither train, validation nor test: %s", _names(root, others))


def _names(root: Path, names: Sequence[str]) -> str:
    return ", ".join(shown(str(root / name)) for name in names)


def _joined(folders: Mapping[str, Path], data: Data, seed: int) -> Splits:
    """Return the parts that have a folder, and those split off the training folder."""
    train = read_folder(folders["train"])
    if len(folders) == 1:
        return _divided(train, data, seed)
    parts = {"train": _prefixed(train, "train")}
    for part in folders.keys() - {"train"}:
        parts[part] = _prefixed(read_folder(folders[part], train.classes), part)
    splits = _divided(parts["train"], data, seed, having=parts)
    return replace(
        splits,
        validation=parts["validation"].records if "validation" in parts else splits.validation,
        test=parts["test"].records if "test" in parts else splits.test,
        ignored=sum(part.ignored for part in parts.values()),
    )


def _divided(
    dataset: Dataset, data: Data, seed: int, having: Mapping[str, Dataset] | None = None
) -> Splits:
    """Split off the parts asked for and not in `having`."""
    having = having or {}
    if data.split is not None:
        shares = {"validation": data.split.validation, "test": data.split.test}
        for part, share in shares.items():
            if share > 0 and part in having:
                raise DataError(
                    f"data.split.{part} is {share}, but the images have a {part} folder already",
                    hint=f"leave data.split.{part} out, or remove the folder",
                )
        return split(dataset, shares["validation"], shares["test"], seed)
    if "validation" in having:
        return split(dataset, 0, 0, seed)
    log.info("no validation images named: %.0f %% of training's taken", 100 * DEFAULT_VALIDATION)
    return split(dataset, DEFAULT_VALIDATION, 0, seed)


def _prefixed(dataset: Dataset, part: str) -> Dataset:
    records = (replace(record, name=f"{part}/{record.name}") for record in dataset.records)
    return replace(dataset, records=tuple(records))
