"""What a data set contains, from the names of its images and the headers of a sample."""

from __future__ import annotations

import shlex
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgrec.data.check import CheckInput, Evidence, Finding, check_records
from imgrec.data.images import (
    ImageSpec,
    Traits,
    bad_headers,
    bad_unnamed,
    inspect_image,
    traits_of,
)
from imgrec.data.records import Record, Splits, first_multilabel
from imgrec.data.sources import DataLocation, SplitConfig, detect_loader, find_layout, read
from imgrec.errors import DataError
from imgrec.text import count_of, printable
from imgrec.workflows.bad_files import naming_bad_files

_SAMPLE = 200
_CLASSES_SHOWN = 20
_BYTE, _DECODED = 8, ImageSpec(1, 1, 1)


@dataclass(frozen=True)
class DatasetSummary:
    """The images found at a path.

    source: the folder, file or pattern. splits: those that it has; none if all images are together.
    counts: the training images of each class. images: those of each split that there is.
    sizes: (width, height) in pixels of a sample. findings: as a check has them; of the images that
    were looked at. gaps: what was not checked, a line each.
    channels: 1 if all of the sample are grey, else 3. loader: what reads them. multi_label: whether
    an image may have several labels, or none.
    """

    source: Path
    splits: tuple[str, ...]
    counts: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()
    channels: int = 3
    loader: str = "folder"
    multi_label: bool = False
    images: Mapping[str, int] = field(default_factory=dict)

    @property
    def training_images(self) -> int:
        """The number of images to train on, of all classes."""
        return sum(self.counts.values())

    @property
    def smallest(self) -> int:
        """The number of images of the smallest class."""
        return min(self.counts.values())

    @property
    def size(self) -> tuple[int, int]:
        """The median (height, width) of the sample, in pixels."""
        widths, heights = zip(*self.sizes, strict=True)
        return round(statistics.median(heights)), round(statistics.median(widths))

    @property
    def side(self) -> int:
        """The median of the shorter sides of the sample, in pixels."""
        return round(statistics.median(min(size) for size in self.sizes))

    @property
    def bad_lines(self) -> tuple[str, ...]:
        """The images that can't be read, with their number; safe to print."""
        return tuple(each.line for each in self.findings if each.kind.is_bad)

    @property
    def lines(self) -> tuple[str, ...]:
        """The summary as text; each line is safe to print."""
        return tuple(_lines(self))


def summarize_dataset(source: Path, data: DataLocation | None = None) -> DatasetSummary:
    """Look at the images at a path, in any form that a loader reads.

    Args:
        source: A folder of class folders or of split folders, a file, or a pattern.
        data: Where the images are, with the keys of their loader; by default, at `source`.

    Raises:
        DataError: There are no images to train on, or none of them can be read.
    """
    data = data or DataLocation(root=str(source))
    loader = data.loader or detect_loader(str(data.root or data.train)).name
    if loader == "folder" and data.root is not None:
        _check_training(Path(data.root))
    undivided = SplitConfig(validation=0, test=0)
    with naming_bad_files(data):
        found = read(data.model_copy(update={"split": undivided}), seed=0)
    sample = _sample(found.train)
    bad = tuple(dict.fromkeys((*bad_headers(sample), *bad_unnamed(found.records))))
    unreadable = {each.name for each in bad}
    sound = [each for each in sample if each.name not in unreadable]
    if not sound:
        name, reason = bad[0]
        raise DataError(
            f"none of the images in {printable(str(source))} can be read, such as "
            f"{printable(name)}: {reason}"
        )
    traits = {each.name: _traits(each) for each in sound}
    counts = Counter(found.classes[label] for record in found.train for label in record.labels)
    stock = CheckInput.of(found)
    checked = check_records(stock, {}, bad, traits, lacking=_lacking(source))
    return DatasetSummary(
        source,
        _splits(data, loader, found),
        {name: counts[name] for name in found.classes},
        tuple((each.width, each.height) for each in traits.values()),
        checked.found,
        checked.gaps,
        channels=1 if all(each.mode in _GREY for each in traits.values()) else 3,
        loader=loader,
        multi_label=data.multi_label or first_multilabel(found.train) is not None,
        images={split: len(records) for split, records in stock.splits.items()},
    )


def _check_training(folder: Path) -> None:
    """Raise DataError for split folders without one for training."""
    layout = find_layout(folder)
    if layout.has_splits and "train" not in layout.folders:
        raise DataError(
            f"{printable(str(folder))} has no folder train beside {', '.join(layout.folders)}",
            hint="add train/<class>/..., or name a folder of class folders",
        )


def _splits(data: DataLocation, loader: str, found: Splits) -> tuple[str, ...]:
    """Return the splits that the source has itself; none if all images are together."""
    if loader == "folder" and data.root is not None:
        layout = find_layout(Path(data.root))
        return tuple(layout.folders) if layout.has_splits else ()
    parts = {"train": found.train, "validation": found.validation, "test": found.test}
    there = tuple(name for name, records in parts.items() if records)
    return there if len(there) > 1 else ()


def _lacking(source: Path) -> Mapping[Evidence, str]:
    command = f"imgrec check {shlex.quote(str(source))}"
    reason = f"`{printable(command)}` looks at every image"
    return dict.fromkeys((Evidence.CONTENT, Evidence.TRAITS, Evidence.PIXELS), reason)


def _traits(record: Record) -> Traits:
    """Return the traits of an image; it is decoded only to count the bits that deep ones use."""
    found = traits_of(record.source)
    deep = inspect_image(record, _DECODED).traits if found.bits > _BYTE else None
    return deep or found


# Pillow's modes of one channel, also with transparency.
_GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}


def _sample(records: Sequence[Record]) -> Sequence[Record]:
    """Return up to 200 records, evenly spread over the classes."""
    step = max(1, -(-len(records) // _SAMPLE))
    return records[::step]


def _form(found: DatasetSummary) -> str:
    """Return what is at the path: `class folders`, or `read by loader csv`, and its splits."""
    if found.loader == "folder":
        return f"split folders {', '.join(found.splits)}" if found.splits else "class folders"
    splits = f", with the splits {', '.join(found.splits)}" if found.splits else ""
    return f"read by loader {found.loader}{splits}"


def _lines(found: DatasetSummary) -> Iterator[str]:
    yield f"{printable(str(found.source))}: {_form(found)}"
    images, classes = sum(found.images.values()), count_of(len(found.counts), "class")
    if len(found.images) > 1:
        splits = ", ".join(f"{name} {number:,}" for name, number in found.images.items())
        yield f"{count_of(images, 'image')} ({splits}) in {classes}; training images:"
    else:
        yield f"{count_of(images, 'image')} in {classes}"
    for name, count in list(found.counts.items())[:_CLASSES_SHOWN]:
        yield f"  {printable(name)}: {count:,}"
    if len(found.counts) > _CLASSES_SHOWN:
        yield f"  and {len(found.counts) - _CLASSES_SHOWN:,} more"
    height, width = found.size
    sample, training = len(found.sizes), found.images.get("train", len(found.sizes))
    measured = count_of(training, "training image" if sample < training else "image")
    part = f"{sample:,} of " if sample < training else ""
    yield f"median width x height: {width} x {height} pixels (of {part}{measured})"
    yield from (each.line for each in found.findings if not each.kind.is_bad)
