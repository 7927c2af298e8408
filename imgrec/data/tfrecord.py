"""Labelled images in TFRecord files of `tf.train.Example`, without TensorFlow."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.config.sources import Features
from imgrec.data.classes import Named, by_number, labelled
from imgrec.data.example import Feature, features
from imgrec.data.parts import ALL, Parts
from imgrec.data.records import Slice
from imgrec.data.tfrecord_file import records
from imgrec.data.walk import is_hidden
from imgrec.errors import DataError
from imgrec.text import shown

_NAME = re.compile(r"\.tfrecords?(-\d+-of-\d+)?$", re.IGNORECASE)
_IMAGES = ("image/encoded", "image", "image_raw")
_LABELS = ("label", "image/class/label", "image/class/text")

# What else a record says is kept where it is short: a name, a number, not a thumbnail.
_LONGEST_EXTRA = 256


@dataclass(frozen=True)
class _Example:
    """A record and its features; start: of the record in the file; number: from 0."""

    file: Path
    number: int
    start: int
    record: bytes
    features: Mapping[str, Feature]

    def problem(self, message: str, hint: str = "") -> DataError:
        return DataError(
            f"{shown(str(self.file))}, record {self.number} (from 0): {message}", hint=hint
        )


def is_pattern(path: str) -> bool:
    """Say whether `path` holds what stands for several files."""
    return glob.has_magic(path)


def is_tfrecord(name: str) -> bool:
    """Say whether a file or pattern of this name is for TFRecord files."""
    return _NAME.search(name) is not None


def is_tfrecord_folder(folder: Path) -> bool:
    """Say whether there are TFRecord files directly in `folder`."""
    return any(is_tfrecord(entry.name) for entry in folder.iterdir())


def read_tfrecord(
    path: str,
    wanted: Features,
    label_map: Mapping[str, str] | None,
    *,
    multi_label: bool = False,
) -> Parts:
    """Return the images in TFRecord files; their bytes stay on disk.

    path: a file, a folder of them, or a pattern. Which features hold the image and the label is
    told by `wanted`, else by the usual names. A whole number is the class that `label_map` (keys
    as text) gives it, or a class of that name where there is none. Short features besides
    become `Record.extra`. Checksums of all records are checked. multi_label: whether the
    feature may hold several labels, or none.

    Raises DataError, with file and record, where a record is damaged, lacks a feature or has
    one of another type, or `label_map` lacks its label.
    """
    files = _files(path)
    below = Path(os.path.commonpath([file.parent for file in files]))
    images: list[Named] = []
    used: tuple[str, str] | None = None
    for example in _examples(files):
        used = used or _used(example, wanted)
        name = f"{example.file.relative_to(below).as_posix()}/{example.number:06d}"
        images.append(_image(example, name, used, label_map, multi_label=multi_label))
    if not images:
        raise DataError(f"there are no records in {shown(path)}")
    names = {name for image in images for name in image.classes}
    order = sorted(names, key=by_number) if label_map is None else list(label_map.values())
    return {ALL: labelled(images, order, multi_label=multi_label)}


def _image(
    example: _Example,
    name: str,
    used: tuple[str, str],
    label_map: Mapping[str, str] | None,
    *,
    multi_label: bool,
) -> Named:
    (start, end) = _stretch(example, used[0])
    source = Slice(example.file, example.start + start, end - start)
    labels = _labels(example, used[1], label_map)
    if len(labels) != 1 and not multi_label:
        held = _held(_feature(example, used[1]))
        raise example.problem(
            f"feature {shown(used[1])} holds {held}, not one whole number or one text",
            "name the feature with data.features.label, or set data.multi_label",
        )
    return Named(name, labels, source, _extra(example, used))


def _labels(example: _Example, key: str, label_map: Mapping[str, str] | None) -> tuple[str, ...]:
    feature = _feature(example, key)
    if feature.kind == "floats":
        raise example.problem(
            f"feature {shown(key)} holds floats, not whole numbers or texts",
            "name the feature with data.features.label",
        )
    if feature.stretches and label_map is not None:
        raise example.problem(
            f"feature {shown(key)} is a text, so data.label_map has nothing to say",
            "leave data.label_map out, or name another feature with data.features.label",
        )
    texts = [_text(example, key, stretch) for stretch in feature.stretches]
    numbers = [_named(example, str(number), label_map) for number in feature.integers]
    return (*texts, *numbers)


def _named(example: _Example, number: str, label_map: Mapping[str, str] | None) -> str:
    if label_map is None:
        return number
    if number not in label_map:
        raise example.problem(
            f"label {number} is not in data.label_map",
            f"it has {', '.join(list(label_map)[:20])}",
        )
    return label_map[number]


def _text(example: _Example, key: str, stretch: tuple[int, int]) -> str:
    try:
        text = example.record[slice(*stretch)].decode()
    except UnicodeDecodeError:
        raise example.problem(f"feature {shown(key)} is not UTF-8") from None
    if not text.strip():
        raise example.problem(f"feature {shown(key)} is empty")
    return text


def _stretch(example: _Example, key: str) -> tuple[int, int]:
    feature = _feature(example, key)
    if feature.kind != "bytes" or len(feature.stretches) != 1:
        raise example.problem(
            f"feature {shown(key)} holds {_held(feature)}, not the bytes of one image",
            "name the feature with data.features.image",
        )
    return feature.stretches[0]


def _feature(example: _Example, key: str) -> Feature:
    if key not in example.features:
        raise example.problem(
            f"no feature {shown(key)}; found: {_listed(example.features)}",
            "name the features with data.features",
        )
    return example.features[key]


def _held(feature: Feature) -> str:
    count = len(feature.stretches) + len(feature.integers)
    return feature.kind if feature.kind in {"floats", "nothing"} else f"{count} {feature.kind}"


def _listed(names: Mapping[str, Feature]) -> str:
    return ", ".join(map(shown, sorted(names))) or "none"


def _used(example: _Example, wanted: Features) -> tuple[str, str]:
    """Return the names of the features that hold image and label, told from the first record."""
    return (
        wanted.image or _first(example, _IMAGES, "image"),
        wanted.label or _first(example, _LABELS, "label"),
    )


def _first(example: _Example, usual: Sequence[str], what: str) -> str:
    for name in usual:
        if name in example.features:
            return name
    raise example.problem(
        f"none of the features {', '.join(usual)}; found: {_listed(example.features)}",
        f"name the feature with data.features.{what}",
    )


def _extra(example: _Example, used: Sequence[str]) -> dict[str, str]:
    extra = {}
    for name, feature in example.features.items():
        if name in used:
            continue
        if len(feature.integers) == 1:
            extra[name] = str(feature.integers[0])
        elif len(feature.stretches) == 1:
            start, end = feature.stretches[0]
            if end - start <= _LONGEST_EXTRA:
                extra[name] = example.record[start:end].decode("utf-8", "surrogateescape")
    return extra


def _examples(files: Sequence[Path]) -> Iterator[_Example]:
    for file in files:
        for number, (start, record) in enumerate(records(file)):
            try:
                yield _Example(file, number, start, record, features(record))
            except ValueError as error:
                raise DataError(f"{shown(str(file))}, record {number} (from 0): {error}") from error


def _files(path: str) -> list[Path]:
    place = Path(path)
    if place.is_dir():
        found = [entry for entry in place.iterdir() if is_tfrecord(entry.name)]
    elif is_pattern(path) and not place.exists():
        # Path.glob wants a relative pattern.
        found = [Path(match) for match in glob.glob(path, recursive=True)]  # noqa: PTH207
    else:
        found = [place]
    files = sorted(file for file in found if not is_hidden(file.name) and not file.is_dir())
    if not files:
        raise DataError(f"no TFRecord files: {shown(path)}", hint="check the path or pattern")
    return files
