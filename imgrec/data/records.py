"""Images and their labels, before any of them is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Record:
    """One image and its class.

    name: unique in its data set; the path below the root, with `/` on every system.
    label: the index of its class.
    source: the file, or uint8 pixels (height, width) or (height, width, channels).

    Two records are equal where name and label are: arrays have no equality of their own.
    """

    name: str
    label: int
    source: Path | NDArray[np.uint8] = field(compare=False)


@dataclass(frozen=True)
class Dataset:
    """Labelled images, sorted by name.

    classes: the class names; a record's label is an index into them.
    ignored: how many hidden files (`.DS_Store`, `Thumbs.db`, ...) were left out.
    """

    records: tuple[Record, ...]
    classes: tuple[str, ...]
    ignored: int = 0


@dataclass(frozen=True)
class Splits:
    """A data set in its three parts, each sorted by name; names are unique across the parts.

    Validation and test may be empty. Labels, `classes` and `ignored` are as in Dataset.
    """

    classes: tuple[str, ...]
    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]
    ignored: int = 0
