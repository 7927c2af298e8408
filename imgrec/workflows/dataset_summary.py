"""What a folder of images contains, from its names and the headers of a sample."""

from __future__ import annotations

import shlex
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.check import CheckInput, Evidence, Finding, check_records
from imgrec.data.images import bad_headers, bad_unnamed, traits_of
from imgrec.data.records import Record
from imgrec.data.sources import DataLocation, SplitConfig, detect_loader, find_layout, read
from imgrec.data.tfrecord import is_pack
from imgrec.errors import DataError
from imgrec.text import printable

_SAMPLE = 200
_CLASSES_SHOWN = 20


@dataclass(frozen=True)
class DatasetSummary:
    """The images found in a folder.

    splits: the splits that have folders; none if the folder contains class folders.
    counts: the training images of each class, without those that are known to be bad.
    sizes: (width, height) in pixels of a sample. findings: as a check has them; of the images that
    were looked at. gaps: what was not checked, a line each.
    channels: 1 if all of the sample are grey, else 3.
    """

    folder: Path
    splits: tuple[str, ...]
    counts: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()
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


def summarize_dataset(folder: Path) -> DatasetSummary:
    """Look at a folder of class folders, or of the split folders train, validation and test.

    Raises DataError if it has neither, or if none of its images can be read.
    """
    _check_folder(folder)
    layout = find_layout(folder)
    splits = tuple(layout.folders) if layout.has_splits else ()
    if splits and "train" not in splits:
        raise DataError(
            f"{printable(str(folder))} has no folder train beside {', '.join(splits)}",
            hint="add train/<class>/..., or name a folder of class folders",
        )
    undivided = SplitConfig(validation=0, test=0)
    found = read(DataLocation(root=str(folder), split=undivided), seed=0)
    sample = _sample(found.train)
    bad = tuple(dict.fromkeys((*bad_headers(sample), *bad_unnamed(found.records))))
    unreadable = {each.name for each in bad}
    sound = [each for each in sample if each.name not in unreadable]
    if not sound:
        name, reason = bad[0]
        raise DataError(
            f"none of {len(sample)} images in {printable(str(folder))} can be read, such as "
            f"{printable(name)}: {reason}"
        )
    traits = {each.name: traits_of(each.source) for each in sound}
    counts = Counter(
        found.classes[label]
        for record in found.train
        if record.name not in unreadable
        for label in record.labels
    )
    checked = check_records(CheckInput.of(found), {}, bad, traits, lacking=_lacking(folder))
    return DatasetSummary(
        folder,
        splits,
        {name: counts[name] for name in found.classes},
        tuple((each.width, each.height) for each in traits.values()),
        checked.found,
        checked.gaps,
        channels=1 if all(each.mode in _GREY for each in traits.values()) else 3,
    )


def _lacking(folder: Path) -> Mapping[Evidence, str]:
    command = f"imgrec check {shlex.quote(str(folder))}"
    reason = f"`{printable(command)}` looks at every image"
    return dict.fromkeys((Evidence.CONTENT, Evidence.TRAITS, Evidence.PIXELS), reason)


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


def _lines(found: DatasetSummary) -> Iterator[str]:
    where = f"split folders {', '.join(found.splits)}" if found.splits else "class folders"
    yield f"{printable(str(found.folder))}: {where}"
    yield f"{found.training_images:,} images in {len(found.counts)} classes"
    for name, count in list(found.counts.items())[:_CLASSES_SHOWN]:
        yield f"  {printable(name)}: {count:,}"
    if len(found.counts) > _CLASSES_SHOWN:
        yield f"  and {len(found.counts) - _CLASSES_SHOWN} more"
    height, width = found.size
    yield f"median width x height: {width} x {height} pixels (of {len(found.sizes)} images)"
    yield from (each.line for each in found.findings if not each.kind.is_bad)
