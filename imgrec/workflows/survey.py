"""What is in a folder of images, told from names and headers alone."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.classes import check_several
from imgrec.data.folder import find_splits, read_folder
from imgrec.data.images import describe
from imgrec.data.manifest import is_pack
from imgrec.data.records import Record
from imgrec.errors import BadImage, DataError
from imgrec.text import shown

_SAMPLE = 200
_CLASSES_SHOWN = 20


@dataclass(frozen=True)
class Survey:
    """What was found in a folder.

    splits: the split folders in it by the split's name; none where it holds class folders.
    counts: the training images of each class. sizes: (width, height) in pixels of a sample.
    bad: the images of the sample that can't be read.
    """

    folder: Path
    splits: Mapping[str, Path]
    counts: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]
    bad: tuple[BadImage, ...]

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
    def lines(self) -> tuple[str, ...]:
        """What was found, in words; each line can be shown as it is."""
        return tuple(_lines(self))


def survey(folder: Path) -> Survey:
    """Look at a folder of class folders, or of the split folders train, validation and test.

    Raises DataError where that is not what it holds, or none of its images can be read.
    """
    if is_pack(folder):
        where = shown(str(folder))
        raise DataError(
            f"{where} is a pack, made by `imgrec data pack`",
            hint=f"train on it with a config: `imgrec train CONFIG --set data.root={where}`",
        )
    splits = find_splits(folder)
    if splits and "train" not in splits:
        raise DataError(
            f"{shown(str(folder))} has no folder train beside {', '.join(splits)}",
            hint="add train/<class>/..., or name a folder of class folders",
        )
    dataset = read_folder(splits.get("train", folder))
    check_several(dataset, str(splits.get("train", folder)))
    labels = (label for record in dataset.records for label in record.labels)
    counts = Counter(dataset.classes[label] for label in labels)
    sizes, bad = _measure(_sample(dataset.records))
    if not sizes:
        raise DataError(
            f"none of {len(bad)} images in {shown(str(folder))} can be read, such as {bad[0]}"
        )
    return Survey(folder, splits, {name: counts[name] for name in dataset.classes}, sizes, bad)


def _sample(records: Sequence[Record]) -> Sequence[Record]:
    """Return up to 200 records, evenly spread, so that every class has its share."""
    step = max(1, -(-len(records) // _SAMPLE))
    return records[::step]


def _measure(
    records: Sequence[Record],
) -> tuple[tuple[tuple[int, int], ...], tuple[BadImage, ...]]:
    sizes, bad = [], []
    for record in records:
        if isinstance(record.source, Path):
            try:
                sizes.append(describe(record.source).size)
            except BadImage as error:
                bad.append(error)
    return tuple(sizes), tuple(bad)


def _lines(found: Survey) -> Iterator[str]:
    where = f"split folders {', '.join(found.splits)}" if found.splits else "class folders"
    yield f"{shown(str(found.folder))}: {where}"
    yield f"{found.training_images:,} images in {len(found.counts)} classes"
    for name, count in list(found.counts.items())[:_CLASSES_SHOWN]:
        yield f"  {shown(name)}: {count:,}"
    if len(found.counts) > _CLASSES_SHOWN:
        yield f"  and {len(found.counts) - _CLASSES_SHOWN} more"
    height, width = found.size
    sample = len(found.sizes) + len(found.bad)
    yield f"width x height in the median: {width} x {height} pixels ({sample} images looked at)"
    for error in found.bad[:_CLASSES_SHOWN]:
        yield f"can't be read: {shown(str(error))}"
    if len(found.bad) > _CLASSES_SHOWN:
        yield f"can't be read: {len(found.bad) - _CLASSES_SHOWN} more"
