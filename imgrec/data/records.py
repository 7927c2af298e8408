"""Images with their labels: records, data sets and splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from imgrec.errors import BadImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from imgrec.data.findings import Finding


@dataclass(frozen=True)
class ByteRange:
    """A part of a file that holds one encoded image: `length` bytes from `start` on."""

    path: Path
    start: int
    length: int


MAX_MEGAPIXELS = 100
"""How many megapixels of an image are decoded by default. As RGB, they take 300 MB."""

ImageSource: TypeAlias = "Path | ByteRange | NDArray[np.uint8]"


@dataclass(frozen=True)
class Record:
    """One image and its class, or its classes.

    name: unique in its data set; the path below the root, with `/` on every system.
    label: the index of its class; if an image may have several, all of them, sorted, or none.
    source: the file, a part of one, or uint8 pixels (height, width[, channels]).
    extra: what else is known of it, such as the other columns of its row in a CSV file.

    Two records are equal if name and label are; sources are not compared.
    """

    name: str
    label: int | tuple[int, ...]
    source: ImageSource = field(compare=False)
    extra: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def labels(self) -> tuple[int, ...]:
        """Every class of the image: one, unless the data's images may have several."""
        return (self.label,) if isinstance(self.label, int) else self.label


Given: TypeAlias = "ImageSource | bytes | Image.Image | BadImage"


@dataclass(frozen=True)
class Photo:
    """One image to classify.

    name: what the user calls it; several photos may have the same.
    source: as in Record, the content of a file, a Pillow image, or why there is none.
    """

    name: str
    source: Given = field(compare=False)


HasName = TypeVar("HasName", Record, Photo)


@dataclass(frozen=True)
class Dataset:
    """Labelled images, sorted by name.

    classes: the class names; a record's labels are indices into them.
    findings: what of the source was not used, or not as it is written.
    distinct: whether names are also unique across the splits of the source.
    """

    records: tuple[Record, ...]
    classes: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    distinct: bool = False


@dataclass(frozen=True)
class Splits:
    """A data set in its three splits, each sorted by name; names are unique across the splits.

    Validation and test may be empty. Labels, `classes` and `findings` are as in Dataset.
    """

    classes: tuple[str, ...]
    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of all splits."""
        return (*self.train, *self.validation, *self.test)


def first_multilabel(records: Iterable[Record]) -> Record | None:
    """Return the first record whose image may have several labels, None if each has one."""
    return next((record for record in records if not isinstance(record.label, int)), None)


def labels_of(records: Sequence[Record], classes: int, *, multi_label: bool) -> NDArray[Any]:
    """Return the labels of some images as one array.

    int64 (images,), the label of each; multi_label: bool (images, classes), whether the class is
    in the image.
    """
    import numpy as np

    if not multi_label:
        return np.array([label for record in records for (label,) in [record.labels]], np.int64)
    found = np.zeros((len(records), classes), bool)
    for row, record in zip(found, records, strict=True):
        row[list(record.labels)] = True
    return found


ALL_SPLITS = "all"
SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

RecordsBySplit = Mapping[str, Dataset]
"""What a loader returns: a data set for each split of the source, else one for `all`."""

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
"""The split that a word stands for, in small letters."""
