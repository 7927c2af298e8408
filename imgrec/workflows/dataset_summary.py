"""What a folder of images contains, from its names and the headers of a sample."""

from __future__ import annotations

import shlex
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.classes import check_several
from imgrec.data.findings import Finding, merged
from imgrec.data.images import Header, describe
from imgrec.data.records import ALL_SPLITS, Record
from imgrec.data.sources import detect_loader, read_folders
from imgrec.data.tfrecord import is_pack
from imgrec.errors import BadImage, DataError
from imgrec.text import printable

_SAMPLE = 200
_CLASSES_SHOWN = 20


@dataclass(frozen=True)
class DatasetSummary:
    """The images found in a folder.

    splits: the splits that have folders; none if the folder contains class folders.
    counts: the training images of each class. sizes: (width, height) in pixels of a sample.
    bad: the images of the sample that can't be read. findings: what is not used, or merged.
    channels: 1 if all of the sample are grey, else 3.
    """

    folder: Path
    splits: tuple[str, ...]
    counts: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]
    bad: tuple[BadImage, ...]
    findings: tuple[Finding, ...] = ()
    channels: int = 3

    @property
    def training_images(self) -> int:
        """The number of images to train on, of all classes."""
        return sum(self.counts.values())

    @property
    def smallest(self) -> int:
        """The number of images of the smallest class."""
        return min(self.counts.values())

    @property
    def largest(self) -> int:
        """The number of images of the largest class."""
        return max(self.counts.values())

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
        """The images that can't be read, a line for each of the first; safe to print."""
        more = len(self.bad) - _CLASSES_SHOWN
        shown = [printable(str(error)) for error in self.bad[:_CLASSES_SHOWN]]
        rest = [f"{more} more"] if more > 0 else []
        return tuple(f"can't be read: {line}" for line in (*shown, *rest))

    @property
    def lines(self) -> tuple[str, ...]:
        """The summary as text; each line is safe to print."""
        return tuple(_lines(self))


def summarize_dataset(folder: Path) -> DatasetSummary:
    """Look at a folder of class folders, or of the split folders train, validation and test.

    Raises DataError if it has neither, or if none of its images can be read.
    """
    _check_folder(folder)
    parts = read_folders(folder)
    splits = () if ALL_SPLITS in parts else tuple(parts)
    if splits and "train" not in splits:
        raise DataError(
            f"{printable(str(folder))} has no folder train beside {', '.join(splits)}",
            hint="add train/<class>/..., or name a folder of class folders",
        )
    dataset = parts["train"] if splits else parts[ALL_SPLITS]
    check_several(dataset, str(folder))
    labels = (label for record in dataset.records for label in record.labels)
    counts = Counter(dataset.classes[label] for label in labels)
    headers, bad = _measure(_sample(dataset.records))
    if not headers:
        raise DataError(
            f"none of {len(bad)} images in {printable(str(folder))} can be read, such as {bad[0]}"
        )
    findings = merged(each for part in parts.values() for each in part.findings)
    return DatasetSummary(
        folder,
        splits,
        {name: counts[name] for name in dataset.classes},
        tuple(each.size for each in headers),
        bad,
        findings,
        channels=1 if all(each.mode in _GREY for each in headers) else 3,
    )


# Pillow's modes of one channel, also with transparency.
_GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}


def _check_folder(path: Path) -> None:
    """Raise DataError for anything but a folder of images."""
    loader = detect_loader(str(path)).name
    if loader != "folder":
        where = printable(shlex.quote(str(path)))
        what = (
            "a pack, made by `imgrec data pack`" if is_pack(path) else f"data for loader {loader}"
        )
        raise DataError(
            f"{printable(str(path))} is {what}, not a folder of class folders",
            hint="train on it with a config: "
            f"`imgrec train CONFIG --set data.loader=null --set data.root={where}`",
        )


def _sample(records: Sequence[Record]) -> Sequence[Record]:
    """Return up to 200 records, evenly spread over the classes."""
    step = max(1, -(-len(records) // _SAMPLE))
    return records[::step]


def _measure(
    records: Sequence[Record],
) -> tuple[tuple[Header, ...], tuple[BadImage, ...]]:
    headers, bad = [], []
    for record in records:
        if isinstance(record.source, Path):
            try:
                headers.append(describe(record.source))
            except BadImage as error:
                bad.append(error)
    return tuple(headers), tuple(bad)


def _lines(found: DatasetSummary) -> Iterator[str]:
    where = f"split folders {', '.join(found.splits)}" if found.splits else "class folders"
    yield f"{printable(str(found.folder))}: {where}"
    yield f"{found.training_images:,} images in {len(found.counts)} classes"
    for name, count in list(found.counts.items())[:_CLASSES_SHOWN]:
        yield f"  {printable(name)}: {count:,}"
    if len(found.counts) > _CLASSES_SHOWN:
        yield f"  and {len(found.counts) - _CLASSES_SHOWN} more"
    height, width = found.size
    sample = len(found.sizes) + len(found.bad)
    yield f"median width x height: {width} x {height} pixels (of {sample} images)"
    for finding in found.findings:
        yield finding.line
