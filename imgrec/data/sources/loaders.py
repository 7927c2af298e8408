"""From section `data` of a config to images in training, validation and test."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from imgrec.config.data import BUILT_IN, KERAS_SETS, Columns, Data, Features, Loader, misplaced_keys
from imgrec.data.classes import check_several, relabelled
from imgrec.data.records import (
    ALL_SPLITS,
    SPLITS,
    Dataset,
    Record,
    RecordsBySplit,
    Splits,
    first_multilabel,
)
from imgrec.data.sources.arrays import read_npz
from imgrec.data.sources.builtin import read_digits, read_keras, read_shapes
from imgrec.data.sources.csv_file import SEPARATOR, read_csv
from imgrec.data.sources.folders import read_folders
from imgrec.data.sources.idx import is_idx_folder, read_idx
from imgrec.data.sources.pickle_file import read_pickle
from imgrec.data.split import check_apart, groups_of, split, split_groups
from imgrec.data.tfrecord import is_pack, is_pattern, is_tfrecord, is_tfrecord_folder, read_tfrecord
from imgrec.errors import DataError
from imgrec.text import printable

_SUFFIXES: dict[str, Loader] = {
    ".csv": "csv",
    ".npz": "npz",
    ".pkl": "pickle",
    ".pickle": "pickle",
}
_IDX = re.compile(r"[.-]idx\d(-ubyte)?(\.gz)?$", re.IGNORECASE)


def detect_loader(path: str, key: str = "") -> Loader:
    """Return the loader for what stands at `path`, a file, folder or pattern.

    key: of the config that names the path, if one does. Raises DataError, naming the loaders,
    where the path doesn't tell.
    """
    place = Path(path)
    if place.is_dir():
        return _of_folder(place)
    if is_tfrecord(place.name) or (is_pattern(path) and not place.exists()):
        return "tfrecord"
    if _IDX.search(place.name):
        return "idx"
    if suffix := _SUFFIXES.get(place.suffix.lower()):
        return suffix
    raise _untold(path, place, key)


def _of_folder(folder: Path) -> Loader:
    try:
        if is_idx_folder(folder):
            return "idx"
        return "tfrecord" if is_tfrecord_folder(folder) else "folder"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{printable(str(folder))} can't be read: {reason}") from error


def _untold(path: str, place: Path, key: str) -> DataError:
    loaders = f"set data.loader to one of {', '.join(get_args(Loader))}"
    if path in KERAS_SETS:
        return DataError(
            f"no folder {path}", hint=f"data.loader: keras fetches Keras' own data set {path}"
        )
    if not place.exists():
        also = f", or name another: --set {key}=FOLDER" if key else ""
        return DataError(f"no folder {printable(path)}", hint=f"check the path{also}")
    return DataError(
        f"what reads {printable(path)} can't be told from its name", hint=f"for a file, {loaders}"
    )


log = logging.getLogger("imgrec")

DEFAULT_VALIDATION = 0.2


@dataclass(frozen=True)
class Request:
    """What a loader may ask for. path: of the source, empty where it has none."""

    path: str
    data: Data
    seed: int


_LOADERS: Mapping[str, Callable[[Request], RecordsBySplit]] = {
    "folder": lambda wanted: read_folders(Path(wanted.path)),
    "csv": lambda wanted: read_csv(
        Path(wanted.path), wanted.data.columns or Columns(), _separator(wanted.data)
    ),
    "npz": lambda wanted: read_npz(Path(wanted.path)),
    "pickle": lambda wanted: read_pickle(Path(wanted.path)),
    "idx": lambda wanted: read_idx(Path(wanted.path)),
    "tfrecord": lambda wanted: read_tfrecord(
        wanted.path,
        wanted.data.features or Features(),
        wanted.data.label_map,
        multi_label=wanted.data.multi_label,
    ),
    "keras": lambda wanted: read_keras(wanted.path),
    "digits": lambda _: {ALL_SPLITS: read_digits()},
    "shapes": lambda wanted: {
        ALL_SPLITS: read_shapes(wanted.data.images or 300, wanted.data.image_size, wanted.seed)
    },
}


def read(data: Data, seed: int) -> Splits:
    """Return the images that `data` tells of, no file of an image opened yet.

    Parts that the source doesn't have are split off the training images by `seed`: as
    `data.split` says, else 20 % for validation where there is none; groups that `data.group`
    tells of stay whole. Names are those of the source; where it has parts, after `train/`,
    `validation/` or `test/`, unless they tell images of several parts apart already.

    Raises DataError where there are no such images, or their classes or groups don't fit
    together.
    """
    found = read_parts(data, seed)
    where = data.root or data.train or str(data.loader)
    train = found.get(ALL_SPLITS, found.get("train"))
    if train is None:
        raise DataError(
            f"{printable(where)} has no training images, only {' and '.join(found)}",
            hint="name the training images with data.train",
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
    return _joined(parts, data, seed, groups)


def read_parts(data: Data, seed: int) -> RecordsBySplit:
    """Return the data set of each part that the source itself has, else one as `all`.

    Names and labels are those of each part alone: classes may differ between parts.
    Raises DataError where the source can't be read.
    """
    named = {part: path for part in SPLITS if (path := getattr(data, part)) is not None}
    if not named:
        return read_source(data.root or "", data, seed, "data.root")
    return {
        part: _only(read_source(path, data, seed, f"data.{part}"), part, path)
        for part, path in named.items()
    }


def read_source(path: str, data: Data, seed: int, key: str = "") -> RecordsBySplit:
    """Return what stands at `path`, read as `data` says or else as the path tells.

    key: of the config that names the path, if one does. Raises DataError where it can't be read.
    """
    loader = data.loader or detect_loader(path, key)
    for (unfit, *_), message in misplaced_keys(data, loader):
        raise DataError(f"data.{unfit}: {message}")
    return _LOADERS[loader](Request(path, data, seed))


def read_other(path: str, data: Data, seed: int) -> RecordsBySplit:
    """Return other images than those of `data`, in the same form or in another.

    The path tells the loader, and where it doesn't, it is that of `data`; what `data` says to
    its loader (columns, features, label map) holds where it is the same one; a pack has a label
    map of its own.
    Raises DataError where they can't be read.
    """
    try:
        loader = detect_loader(path)
    except DataError:
        if data.loader is None or data.loader in BUILT_IN:
            raise
        loader = data.loader
    other = data.model_copy(update={"loader": loader})
    unsaid = {str(key): None for (key, *_), _ in misplaced_keys(other, loader)}
    if is_pack(Path(path)):
        unsaid["label_map"] = None
    return read_source(path, other.model_copy(update=unsaid), seed)


def _separator(data: Data) -> str | None:
    return (data.separator or SEPARATOR) if data.multi_label else None


def _only(parts: RecordsBySplit, part: str, path: str) -> Dataset:
    if ALL_SPLITS not in parts:
        raise DataError(
            f"data.{part}: {printable(path)} has parts of its own ({', '.join(parts)})",
            hint="name it with data.root instead",
        )
    # Several sources may have the same names.
    return replace(parts[ALL_SPLITS], distinct=False)


def _grouped(parts: RecordsBySplit, group: str | None) -> Mapping[str, tuple[str, ...]]:
    """Return the group of every record of each part, as far as there are groups."""
    if group is None:
        return {}
    groups = {part: groups_of(dataset.records, group) for part, dataset in parts.items()}
    check_apart(groups)
    return groups


def _joined(
    parts: RecordsBySplit, data: Data, seed: int, groups: Mapping[str, tuple[str, ...]]
) -> Splits:
    """Return the parts that are there, and those split off the training images."""
    shares, train = _shares(parts, data), parts["train"]
    if "train" in groups:
        splits = split_groups(train, groups["train"], *shares, seed)
    elif first_multilabel(train.records):
        splits = split_groups(train, [record.name for record in train.records], *shares, seed)
    else:
        splits = split(train, *shares, seed)
    return replace(
        splits,
        validation=_records(parts, "validation") or splits.validation,
        test=_records(parts, "test") or splits.test,
        ignored=sum(part.ignored for part in parts.values()),
    )


def _shares(parts: RecordsBySplit, data: Data) -> tuple[float, float]:
    """Return the shares of validation and test to split off."""
    if data.split is not None:
        for part in ("validation", "test"):
            share = getattr(data.split, part)
            if share > 0 and part in parts:
                raise DataError(
                    f"data.split.{part} is {share}, but the data have {part} images already",
                    hint=f"leave data.split.{part} out, or take those images away",
                )
        return data.split.validation, data.split.test
    if "validation" in parts:
        return 0, 0
    log.info("no validation images named: %.0f %% of training's taken", 100 * DEFAULT_VALIDATION)
    return DEFAULT_VALIDATION, 0


def _records(parts: RecordsBySplit, part: str) -> tuple[Record, ...]:
    return parts[part].records if part in parts else ()


def _prefixed(dataset: Dataset, part: str) -> Dataset:
    if dataset.distinct:
        return dataset
    records = (replace(record, name=f"{part}/{record.name}") for record in dataset.records)
    return replace(dataset, records=tuple(records))
