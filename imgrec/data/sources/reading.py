"""From where the images are to records in training, validation and test."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgrec.data.classes import check_several, relabelled
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Finding, Occurrence, merged
from imgrec.data.folds import hold_out
from imgrec.data.loader import Loader, Request
from imgrec.data.records import (
    ALL_SPLITS,
    SPLITS,
    Dataset,
    Record,
    RecordsBySplit,
    Splits,
    first_multilabel,
)
from imgrec.data.sources.loaders import LOADERS
from imgrec.data.sources.location import DataLocation, loader_named
from imgrec.data.sources.undetected import refuse_others, undetected
from imgrec.data.split import check_apart, groups_of, split, split_groups
from imgrec.data.storage import cannot_read
from imgrec.data.tfrecord import is_pack
from imgrec.errors import DataError
from imgrec.interface import setting
from imgrec.text import printable

log = logging.getLogger("imgrec.data")

_DEFAULT_VALIDATION = 0.2


def detect_loader(path: str, key: str = "") -> Loader[Any]:
    """Return the loader for what is at `path`.

    Args:
        path: A file, folder or pattern.
        key: The key of the config that names the path, if one does.

    Raises:
        DataError: Nothing is there, or no loader is for it; the message names the loaders.
    """
    refuse_others(path)
    if (loader := find_loader(path)) is None:
        raise undetected(path, key)
    return loader


def find_loader(path: str) -> Loader[Any] | None:
    """Return the loader for what is at `path`, None if no loader is for it.

    Raises DataError if it can't be looked at.
    """
    try:
        for loader in sorted(LOADERS, key=lambda loader: loader.general):
            if loader.detects(path):
                return loader
    except OSError as error:
        raise cannot_read(path, error) from error
    return None


def read(
    data: DataLocation,
    seed: int,
    image_size: tuple[int, int] | None = None,
    *,
    fewest: int = 1,
) -> Splits:
    """Return the images at `data` by split; no file of an image is opened yet.

    Splits that the source doesn't have are taken from the training images by the seed: as
    `data.split` says, else 20 % for validation if there is none; the groups of `data.group` are
    not divided. Names are those of the source; if it has splits, `train/`, `validation/` or
    `test/` comes before them, unless the names are unique across the splits.

    Args:
        data: Where the images are.
        seed: What the division depends on, besides the names.
        image_size: (height, width) in pixels, for images that are drawn.
        fewest: How many images of each class the training needs at least, if some are taken from
            it.

    Raises:
        DataError: There are no such images, or their classes or groups don't fit together.
    """
    seed = seed if data.split_seed is None else data.split_seed
    found = read_parts(data, seed, image_size)
    where = data.root or data.train or str(data.loader)
    train = found.get(ALL_SPLITS, found.get("train"))
    if train is None:
        raise DataError(
            f"{printable(where)} has no training images, only {' and '.join(found)}",
            hint=f"name the training images: {setting('data.train', 'FOLDER')}",
        )
    check_several(train, where)
    parts = {
        part: relabelled(dataset, train.classes, f"the {part} images of {where}")
        for part, dataset in found.items()
    }
    if len(parts) == 1:
        parts = {"train": train}
    groups = _grouped(parts, data.group)
    if len(parts) > 1:
        parts = {part: _prefixed(dataset, part) for part, dataset in parts.items()}
    splits = _joined(parts, data, seed, groups, fewest)
    if data.fold is None:
        return splits
    group_of = {
        record.name: group
        for part, found_groups in groups.items()
        for record, group in zip(parts[part].records, found_groups, strict=True)
    }
    fold = data.fold
    return hold_out(splits, fold.number, fold.of, seed, group_of or None, fewest=fewest)


def read_parts(
    data: DataLocation, seed: int, image_size: tuple[int, int] | None = None
) -> RecordsBySplit:
    """Return the data set of each split that the source itself has, else one as `all`.

    Names and labels are those of each split alone: classes may differ between splits.
    Raises DataError if the source can't be read.
    """
    named: dict[str, str] = {
        part: path for part in SPLITS if (path := getattr(data, part)) is not None
    }
    if not named:
        loader = _loader(data, data.root or "", "data.root")
        return _read(loader, data.root or "", data, seed, image_size)
    loaders = _loaders(data, named)
    parts: RecordsBySplit = {
        part: _only(_read(loaders[part], path, data, seed, image_size), part, path)
        for part, path in named.items()
    }
    if len(parts) == 1:
        return parts
    return {part: _with_part(dataset, part) for part, dataset in parts.items()}


def read_other(path: str, data: DataLocation, seed: int) -> RecordsBySplit:
    """Return other images than those of `data`, in the same form or in another.

    The loader is detected from the path, else it is that of `data`. Keys of `data` for its loader
    (columns, features, label map) are used if it is the same one; a pack has a label map itself.

    Raises:
        DataError: They can't be read.
    """
    try:
        loader = detect_loader(path)
    except DataError:
        if data.loader is None or loader_named(data.loader).datasets == ():
            raise
        loader = loader_named(data.loader)
    unused = {str(key): None for (key, *_), _ in data.misplaced(loader)}
    if is_pack(Path(path)):
        unused["label_map"] = None
    return _read(loader, path, data.model_copy(update=unused), seed)


def check_divisible(splits: Splits) -> None:
    """Raise DataError if there are no validation images, and none can be taken for training.

    They would be as `read` takes them if `data.split` says nothing.
    """
    if not splits.validation:
        _divided(Dataset(splits.train, splits.classes), (_DEFAULT_VALIDATION, 0), seed=0)


def _loaders(data: DataLocation, named: Mapping[str, str]) -> dict[str, Loader[Any]]:
    """Return the loader of each split; raises DataError that names all that can't be read."""
    loaders: dict[str, Loader[Any]] = {}
    errors: list[DataError] = []
    for part, path in named.items():
        try:
            loaders[part] = _loader(data, path, f"data.{part}")
        except DataError as error:
            errors.append(error)
    if errors:
        message = "\nmoreover, ".join(error.message for error in errors)
        raise DataError(message, hint=errors[0].hint, path=errors[0].path)
    return loaders


def _loader(data: DataLocation, path: str, key: str) -> Loader[Any]:
    """Return the loader that `data` names or else the path needs."""
    if data.loader is not None:
        return loader_named(data.loader)
    loader = detect_loader(path, key)
    for (misplaced, *_), message in data.misplaced(loader):
        raise DataError(f"data.{misplaced}: {message}")
    return loader


def _read(
    loader: Loader[Any],
    path: str,
    data: DataLocation,
    seed: int,
    image_size: tuple[int, int] | None = None,
) -> RecordsBySplit:
    return loader.read(Request(path, data.options(loader), seed, image_size))


def _only(parts: RecordsBySplit, part: str, path: str) -> Dataset:
    if ALL_SPLITS not in parts:
        raise DataError(
            f"data.{part}: {printable(path)} has splits inside ({', '.join(parts)})",
            hint="name it with data.root instead",
        )
    # Several sources may have the same names.
    return replace(parts[ALL_SPLITS], distinct=False)


def _with_part(dataset: Dataset, part: str) -> Dataset:
    """Return `dataset` with findings whose names begin with the split, except classes."""
    classes = {FindingKind.UNIFIED_CLASSES, FindingKind.COMBINED_LABELS}
    findings = tuple(
        each
        if each.kind in classes
        else Finding(
            each.kind,
            tuple(
                Occurrence(tuple(f"{part}/{name}" for name in case.names), case.detail)
                for case in each.cases
            ),
        )
        for each in dataset.findings
    )
    return replace(dataset, findings=findings)


def _grouped(parts: RecordsBySplit, group: str | None) -> Mapping[str, tuple[str, ...]]:
    """Return the group of every record of each split, nothing without `data.group`."""
    if group is None:
        return {}
    groups = {part: groups_of(dataset.records, group) for part, dataset in parts.items()}
    check_apart(groups)
    return groups


def _joined(
    parts: RecordsBySplit,
    data: DataLocation,
    seed: int,
    groups: Mapping[str, tuple[str, ...]],
    fewest: int,
) -> Splits:
    """Return the splits of the source, and those taken from the training images."""
    shares = _shares(parts, data)
    splits = _divided(parts["train"], shares, seed, groups.get("train"), fewest)
    return replace(
        splits,
        validation=_records(parts, "validation") or splits.validation,
        test=_records(parts, "test") or splits.test,
        findings=merged(each for part in parts.values() for each in part.findings),
    )


def _divided(
    train: Dataset,
    shares: tuple[float, float],
    seed: int,
    groups: Sequence[str] | None = None,
    fewest: int = 1,
) -> Splits:
    if groups is None and first_multilabel(train.records):
        groups = [record.name for record in train.records]
    if groups is None:
        return split(train, *shares, seed, fewest=fewest)
    return split_groups(train, groups, *shares, seed)


def _shares(parts: RecordsBySplit, data: DataLocation) -> tuple[float, float]:
    """Return the fractions of training images to take for validation and test."""
    if data.split is not None:
        for part in ("validation", "test"):
            share = getattr(data.split, part)
            if share > 0 and part in parts:
                raise DataError(
                    f"data.split.{part} is {share}, but the data already has {part} images",
                    hint=f"leave data.split.{part} out, or take those images away",
                )
        return data.split.validation, data.split.test
    if "validation" in parts:
        return 0, 0
    log.info(
        "no validation images: %.0f %% of the training images are used",
        100 * _DEFAULT_VALIDATION,
    )
    return _DEFAULT_VALIDATION, 0


def _records(parts: RecordsBySplit, part: str) -> tuple[Record, ...]:
    return parts[part].records if part in parts else ()


def _prefixed(dataset: Dataset, part: str) -> Dataset:
    if dataset.distinct:
        return dataset
    records = (replace(record, name=f"{part}/{record.name}") for record in dataset.records)
    return replace(dataset, records=tuple(records))
