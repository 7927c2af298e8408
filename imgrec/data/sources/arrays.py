"""Labelled images in arrays: `x` and `y`, whatever file they come from."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.classes import NamedLabel, by_number, check_room, labelled, with_findings
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Occurrence, finding
from imgrec.data.memory import check_free_memory
from imgrec.data.records import ALL_SPLITS, SPLIT_NAMES, SPLITS, Dataset, RecordsBySplit
from imgrec.errors import DataError
from imgrec.text import class_name, count_of, join_few, printable

log = logging.getLogger("imgrec.data")

Array = NDArray[Any]

# x, x_train and train_images are all usual.
_KEY = re.compile(
    rf"(?:(?P<before>{'|'.join(SPLIT_NAMES)})_)?"
    r"(?P<what>x|images|y|labels)"
    rf"(?:_(?P<after>{'|'.join(SPLIT_NAMES)}))?",
    re.IGNORECASE,
)
FORM = "x and y (or images and labels), or x_train, y_train and the same with test and val"
_CHUNK = 256
_KEYS_SHOWN = 10
_TEXT_BYTES = 200
_WHITE = 255


def from_arrays(
    arrays: Mapping[str, Array], where: str, label_map: Mapping[str, str] | None = None
) -> RecordsBySplit:
    """Return the labelled images in `arrays`, by split if their names contain splits.

    Images are called x or images, labels y or labels, in small or capital letters, with a word
    for a split, such as train, val or test, before or after them; x without one has the training
    images if there is another split. `classes`, where given, holds the names that labels
    are indices into.

    Images: (n, height, width) or (n, height, width, 1 | 3 | 4), integers from 0 to 255, or
    floats: from 0 to 1 if the largest float of all splits is at most 1, else from 0 to 255.
    Labels: whole numbers (n,) or (n, 1), one-hot (n, classes), or texts (n,).
    where: what errors call the source. label_map: the class of each whole number, as text, if
    there is no `classes`. Raises DataError if the arrays are different, or `label_map` lacks a
    label.
    """
    pairs, unused = _pairs(arrays, where)
    names = _class_names(arrays, where)
    if label_map is not None and names is not None:
        raise _map_unused(where, "has the array classes")
    for part, (images, labels) in pairs.items():
        _check(images, labels, f"{printable(where)}, {part} images")
        check_room(len(images))
    scale = _scale([images for images, _ in pairs.values()], where)
    order = names if label_map is None else list(label_map.values())
    parts = {
        part: _dataset(images, _texts(labels, names, label_map, where), order, scale)
        for part, (images, labels) in pairs.items()
    }
    cases = (Occurrence((key,), f"shape {arrays[key].shape}") for key in unused)
    return with_findings(parts, finding(FindingKind.UNUSED_ARRAYS, cases), order)


def _pairs(
    arrays: Mapping[str, Array], where: str
) -> tuple[dict[str, tuple[Array, Array]], list[str]]:
    """Return images and labels by part, and the names of the other arrays."""
    unused: list[str] = []
    found: dict[tuple[str, bool], str] = {}
    for key in arrays:
        match = _KEY.fullmatch(key)
        if match is None or (match["before"] and match["after"]):
            if key != "classes":
                unused.append(key)
            continue
        part = SPLIT_NAMES.get((match["before"] or match["after"] or "").lower(), ALL_SPLITS)
        place = (part, match["what"].lower() in {"x", "images"})
        if place in found:
            raise DataError(
                f"{printable(where)} holds both {printable(found[place])} and {printable(key)}",
                hint="leave out the one that is not meant",
            )
        found[place] = key
    parts = {part for part, _ in found}
    _check_pairs(parts, found, arrays, where)
    pairs = {part: (arrays[found[part, True]], arrays[found[part, False]]) for part in parts}
    if len(pairs) > 1 and ALL_SPLITS in pairs:
        pairs["train"] = pairs.pop(ALL_SPLITS)
    return {part: pairs[part] for part in (ALL_SPLITS, *SPLITS) if part in pairs}, unused


def _check_pairs(
    parts: set[str], found: Mapping[tuple[str, bool], str], arrays: Mapping[str, Array], where: str
) -> None:
    hint = f"it should hold {FORM}"
    if not parts:
        names = join_few(list(arrays), _KEYS_SHOWN) or "nothing"
        raise DataError(f"no images and labels in {printable(where)}; found: {names}", hint=hint)
    for part in sorted(parts):
        for is_image, missing in ((True, "images"), (False, "labels")):
            if (part, is_image) not in found:
                beside = found[part, not is_image]
                raise DataError(
                    f"{printable(where)} has {printable(beside)}, but no {missing}", hint=hint
                )
    if {ALL_SPLITS, "train"} <= parts:
        raise DataError(
            f"{printable(where)} holds {printable(found[ALL_SPLITS, True])} and "
            f"{printable(found['train', True])}",
            hint="both may be the training images: leave one out",
        )


def _check(images: Array, labels: Array, where: str) -> None:
    shape = images.shape
    if images.ndim == 4 and shape[1] in {1, 3} and shape[3] not in {1, 3, 4}:
        raise DataError(
            f"{where}: shape {shape} has the channels before height and width",
            hint="images are (n, height, width, channels): np.transpose(x, (0, 2, 3, 1))",
        )
    if not (images.ndim == 3 or (images.ndim == 4 and shape[3] in {1, 3, 4})) or 0 in shape[1:]:
        raise DataError(
            f"{where}: shape {shape}",
            hint="images are (n, height, width) or (n, height, width, channels), 1, 3 or 4 of them",
        )
    if not len(images):
        raise DataError(f"{where}: there are none")
    if images.dtype.kind not in "uif":
        raise DataError(
            f"{where}: type {images.dtype}", hint="pixels are whole numbers or floats, 0 to 255"
        )
    if labels.ndim == 0:
        raise DataError(f"{where}: the labels are a single value")
    if len(images) != len(labels):
        raise DataError(
            f"{where}: {count_of(len(images), 'image')}, but {count_of(len(labels), 'label')}"
        )


def _scale(parts: Sequence[Array], where: str) -> int:
    """Return the factor that brings floats to 0 to 255; whole numbers are there already."""
    lowest, highest = min(map(np.min, parts)), max(map(np.max, parts))
    if not np.isfinite([float(lowest), float(highest)]).all():
        raise DataError(
            f"{printable(where)}: pixels that are NaN or infinite",
            hint="replace them before saving: x = np.nan_to_num(x, posinf=0, neginf=0)",
        )
    if lowest < 0 or highest > _WHITE:
        raise DataError(
            f"{printable(where)}: pixels from {lowest:g} to {highest:g}, not from 0 to 255",
            hint="scale them to 0 to 1 before saving: x = (x - x.min()) / (x.max() - x.min()), the "
            "images of all splits by the same numbers",
        )
    floats = [images for images in parts if images.dtype.kind == "f"]
    if not floats:
        return 1
    lowest, highest = min(map(np.min, floats)), max(map(np.max, floats))
    scale = _WHITE if highest <= 1 else 1
    top = _WHITE // scale
    log.info("%s: floats from %g to %g taken as 0 to %d", printable(where), lowest, highest, top)
    return scale


def _dataset(
    images: Array, labels: Sequence[str], names: Sequence[str] | None, scale: int
) -> Dataset:
    own = scale if images.dtype.kind == "f" else 1
    pixels = images if images.dtype == np.uint8 else _bytes(images, own)
    width = max(5, len(str(len(pixels) - 1)))
    named = (
        NamedLabel(f"{index:0{width}d}", (label,), image)
        for index, (image, label) in enumerate(zip(pixels, labels, strict=True))
    )
    return labelled(named, sorted(set(labels), key=by_number) if names is None else names)


def _bytes(images: Array, scale: int) -> NDArray[np.uint8]:
    """Return `images` as uint8, a few at a time: floats take eight times the memory."""
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        stretch = slice(start, start + _CHUNK)
        pixels[stretch] = np.rint(images[stretch] * np.float64(scale))
    return pixels


def _class_names(arrays: Mapping[str, Array], where: str) -> tuple[str, ...] | None:
    if "classes" not in arrays:
        return None
    names = tuple(_in_texts(np.ravel(arrays["classes"]), where))
    if len(set(map(class_name, names))) < len(names):
        raise DataError(f"{printable(where)}: two of the classes have the same name")
    return names


def _map_unused(where: str, reason: str) -> DataError:
    return DataError(
        f"{printable(where)} {reason}, so data.label_map can't be used",
        hint="leave data.label_map out",
    )


def _texts(
    labels: Array, names: Sequence[str] | None, label_map: Mapping[str, str] | None, where: str
) -> list[str]:
    """Return the class name of each label."""
    flat = _flat(labels, where)
    if flat.dtype.kind in "US":
        if label_map is not None:
            raise _map_unused(where, "has texts as labels")
        texts = _in_texts(flat, where)
        unknown = set(texts) - set(texts if names is None else names)
        if unknown:
            raise DataError(
                f"{printable(where)}: label {printable(min(unknown))} is not one of classes"
            )
        return texts
    numbers = [int(number) for number in flat]
    if label_map is not None:
        return _mapped(numbers, label_map, where)
    if names is None:
        return [str(number) for number in numbers]
    if not 0 <= min(numbers) <= max(numbers) < len(names):
        raise DataError(
            f"{printable(where)}: labels {min(numbers)} to {max(numbers)}, but "
            f"{count_of(len(names), 'class')}"
        )
    return [names[number] for number in numbers]


def _mapped(numbers: Sequence[int], label_map: Mapping[str, str], where: str) -> list[str]:
    missing = sorted({number for number in numbers if str(number) not in label_map})
    if missing:
        raise DataError(
            f"{printable(where)}: label {missing[0]} is not in data.label_map",
            hint=f"it has {join_few(list(label_map), 20)}",
        )
    return [label_map[str(number)] for number in numbers]


def _flat(labels: Array, where: str) -> Array:
    """Return labels as (n,), one-hot ones as the index of their 1."""
    hint = "labels are whole numbers (n,), texts (n,), or one-hot (n, classes)"
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] and labels.dtype.kind in "uifb":
        wrong = np.flatnonzero(((labels != 0).sum(1) != 1) | (labels.max(1) != 1))
        if len(wrong):
            raise DataError(
                f"{printable(where)}: label {wrong[0]} (from 0) is not one-hot", hint=hint
            )
        return np.asarray(labels.argmax(1))
    whole = labels.dtype.kind in "uiUS" or (
        labels.dtype.kind == "f" and bool(np.all(labels == np.rint(labels)) and _finite(labels))
    )
    if labels.ndim != 1 or not whole:
        message = f"{printable(where)}: labels of shape {labels.shape} and type {labels.dtype}"
        raise DataError(message, hint=hint)
    return labels


def _finite(labels: Array) -> bool:
    return bool(np.isfinite(labels).all())


def _in_texts(values: Array, where: str) -> list[str]:
    check_free_memory(values.size * _TEXT_BYTES, f"{printable(where)}: {values.size:,} texts")
    if values.dtype.kind == "U":
        _check_characters(values, where)
    try:
        texts = [
            value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist()
        ]
        "".join(texts).encode()
    except ValueError as error:  # bytes, or characters, that are not Unicode
        raise DataError(f"{printable(where)}: a label is not UTF-8") from error
    return texts


def _check_characters(values: Array, where: str) -> None:
    """Raise DataError for numbers that are not characters, which Python itself does not notice."""
    codes = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).view(np.uint32)
    if codes.max(initial=0) > sys.maxunicode:
        raise DataError(f"{printable(where)}: a label is not Unicode")
