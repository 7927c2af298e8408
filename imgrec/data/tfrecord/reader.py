"""Labelled images in TFRecord files of `tf.train.Example`, without TensorFlow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field

from imgrec.data.classes import NamedLabel, by_number, labelled, with_findings
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Finding, Occurrence, finding
from imgrec.data.left_out import besides
from imgrec.data.loader import LabelMapOptions, LabelOptions, Loader, Request
from imgrec.data.records import ALL_SPLITS, SPLIT_NAMES, SPLITS, Dataset, RecordsBySplit
from imgrec.data.storage import entries, is_folder, is_hidden, is_pattern, matches
from imgrec.data.tfrecord import pack as packs
from imgrec.data.tfrecord.example import Example, examples
from imgrec.data.tfrecord.pack import Manifest, check_shard, manifest_beside
from imgrec.errors import DataError
from imgrec.sections.section import Section, Text
from imgrec.text import class_name, printable

_NAME = re.compile(r"\.tfrecords?(-\d+-of-\d+)?$", re.IGNORECASE)
_WORDS = re.compile(r"[._-]")
_IMAGES = (packs.IMAGE, "image", "image_raw")
_MAX_FEATURES = 10_000
_LABELS = ("label", packs.LABEL, packs.TEXT)


class Features(Section):
    """The features of a `tf.train.Example` that hold the image and its class."""

    image: Text | None = Field(
        default=None,
        description="An encoded image. By default, the first of `image/encoded`, `image`, "
        "`image_raw` that the first record has.",
    )
    label: Text | None = Field(
        default=None,
        description="A whole number, or a text; with `data.multi_label` any number of them. "
        "By default, the first of `label`, `image/class/label`, `image/class/text` that the "
        "first record has.",
    )


class TFRecordOptions(LabelOptions, LabelMapOptions):
    """The keys of loader `tfrecord`."""

    features: Features | None = Field(default=None)


@dataclass(frozen=True)
class _Form:
    """How records are read: the features of image, classes and (in a pack) the name."""

    image: str
    label: str
    label_map: Mapping[str, str] | None
    name: str | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """The features that don't become `Record.extra`."""
        named = () if self.name is None else (self.name, packs.TEXT)
        return (self.image, self.label, *named)


def read_tfrecord(
    path: str,
    wanted: Features,
    label_map: Mapping[str, str] | None,
    *,
    multi_label: bool = False,
) -> RecordsBySplit:
    """Return the images in TFRecord files; their bytes stay on disk.

    Short features besides image and label become `Record.extra`. If the files' names contain
    different splits, the files are those splits. The checksums of all records are verified. A
    manifest of `imgrec data pack` beside the files has splits, classes, the images' names and
    whether they have several labels; the hash of each file is compared with it.

    Args:
        path: A file, a folder of them, or a pattern.
        wanted: The features of image and label; by default, those with the usual names.
        label_map: The class of each whole number (as text); None: the numbers are the names.
        multi_label: Whether the feature may hold several labels, or none.

    Raises:
        DataError: A record is damaged, lacks a feature or has one of another type, or `label_map`
            lacks its label; the message has file and record. Or a file is empty and no manifest
            names it, or the manifest can't be used.
    """
    files = _files(path)
    manifest = manifest_beside(files, whole=is_folder(path))
    below = Path(os.path.commonpath([file.parent for file in files]))
    multi_label = multi_label or (manifest is not None and manifest.multi_label)
    form: _Form | None = None
    images: dict[str, list[NamedLabel]] = {}
    extra: set[str] = set()
    unread: set[str] = set()
    for part, file in _by_part(files, manifest):
        for example in _examples(file, manifest):
            form = form or _form(example, wanted, label_map, manifest)
            image = _image(example, form, below, multi_label=multi_label)
            images.setdefault(part, []).append(image)
            unread.update(example.features.keys() - {*form.used, *image.extra})
            extra.update(image.extra)
            if len(unread) + len(extra) > _MAX_FEATURES:
                raise example.problem(f"the file has more than {_MAX_FEATURES:,} features")
    if form is None:
        raise DataError(f"no records in {printable(path)}")
    parts = {part: _dataset(each, form, multi_label=multi_label) for part, each in images.items()}
    order = None if form.label_map is None else list(form.label_map.values())
    folder = Path(path)
    used = [*files, folder / packs.FILE_NAME] if manifest else files
    beside = besides(folder, used, folder) if is_folder(folder) else ()
    return with_findings(parts, (*beside, *_features(extra, unread)), order)


def _image(example: Example, form: _Form, below: Path, *, multi_label: bool) -> NamedLabel:
    if form.name is None:
        name = f"{example.file.relative_to(below).as_posix()}/{example.number:06d}"
    else:
        name = example.text(form.name)
    source = example.image(form.image)
    labels = example.classes if multi_label else example.one_class
    classes = labels(form.label, form.label_map)
    return NamedLabel(name, classes, source, example.others(form.used))


def _dataset(images: Sequence[NamedLabel], form: _Form, *, multi_label: bool) -> Dataset:
    if form.label_map is not None:
        order = list(form.label_map.values())
    else:
        order = sorted({name for image in images for name in image.classes}, key=by_number)
    dataset = labelled(images, order, multi_label=multi_label)
    return replace(dataset, distinct=form.name is not None)


def _features(extra: set[str], unread: set[str]) -> tuple[Finding, ...]:
    """Return the features that are neither image, label nor name."""
    details = dict.fromkeys(extra, "only for slices and groups")
    details |= dict.fromkeys(unread - extra, "not read")
    cases = (Occurrence((name,), details[name]) for name in sorted(details))
    return finding(FindingKind.UNUSED_FEATURES, cases)


def _form(
    example: Example,
    wanted: Features,
    label_map: Mapping[str, str] | None,
    manifest: Manifest | None,
) -> _Form:
    """Return how all records are read, by the first one."""
    if manifest is None:
        image = wanted.image or example.first(_IMAGES, "image")
        return _Form(image, wanted.label or example.first(_LABELS, "label"), label_map)
    if label_map is None and wanted.label in {None, packs.LABEL}:
        label_map = manifest.label_map
    elif label_map is not None:
        _check_map(label_map, manifest, example.file.parent)
    label = wanted.label or packs.LABEL
    return _Form(wanted.image or packs.IMAGE, label, label_map, packs.NAME)


def _check_map(label_map: Mapping[str, str], manifest: Manifest, folder: Path) -> None:
    for number, name in manifest.label_map.items():
        if class_name(label_map.get(number, name)) != class_name(name):
            raise DataError(
                f"data.label_map says that {number} is {printable(label_map[number])}, and "
                f"{printable(str(folder / packs.FILE_NAME))} that it is {printable(name)}",
                hint="leave data.label_map out: the manifest has one",
            )


def _examples(file: Path, manifest: Manifest | None) -> Iterator[Example]:
    empty = True
    for example in examples(file):
        empty = False
        yield example
    # Only now: an error in a record says more than a hash.
    if manifest is not None:
        check_shard(manifest, file)
    elif empty:
        raise DataError(
            f"{printable(str(file))} is empty",
            hint="write or fetch it again; if it is meant to be empty, move it elsewhere",
        )


def _by_part(files: Sequence[Path], manifest: Manifest | None) -> list[tuple[str, Path]]:
    """Return each file with its split; all with `all` if there is no more than one."""
    if manifest is None:
        named = {file.name: _split_in(file.name) for file in files}
    else:
        named = {shard.file: shard.split for shard in manifest.shards}
    parts = {named[file.name] for file in files}
    if len(parts) == 1:
        return [(ALL_SPLITS, file) for file in files]
    if strange := next((file for file in files if named[file.name] is None), None):
        raise DataError(
            f"{printable(str(strange))} has no split in its name, and other files have one",
            hint="name the files of each split with data.train, data.validation and data.test",
        )
    return [(part, file) for part in SPLITS for file in files if named[file.name] == part]


def _split_in(name: str) -> str | None:
    """Return the split in a file's name, such as `train-00000-of-00002.tfrecord`."""
    found = {SPLIT_NAMES[word] for word in _WORDS.split(name.lower()) if word in SPLIT_NAMES}
    return found.pop() if len(found) == 1 else None


def _files(path: str) -> list[Path]:
    if is_folder(path):
        found = [entry for entry, _ in entries(Path(path)) if _NAME.search(entry.name)]
    else:
        found = [Path(match) for match in matches(path)] if is_pattern(path) else [Path(path)]
    files = sorted(file for file in found if not is_hidden(file.name) and not is_folder(file))
    if not files:
        raise DataError(f"no TFRecord files: {printable(path)}", hint="check the path or pattern")
    return files


def _detects(path: str) -> bool:
    if is_folder(path):
        return any(_NAME.search(entry.name) for entry, _ in entries(Path(path)))
    return _NAME.search(Path(path).name) is not None or is_pattern(path)


def _read(request: Request[TFRecordOptions]) -> RecordsBySplit:
    options = request.options
    return read_tfrecord(
        request.path,
        options.features or Features(),
        options.label_map,
        multi_label=options.multi_label,
    )


LOADER = Loader("tfrecord", "files of `tf.train.Example`", TFRecordOptions, _read, detects=_detects)
