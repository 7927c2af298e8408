"""The parts that a source of images may have of its own, and how people call them."""

from __future__ import annotations

from collections.abc import Mapping

from imgrec.data.records import Dataset

ALL = "all"
PARTS = ("train", "validation", "test")

Parts = Mapping[str, Dataset]
"""What a loader returns: a data set for each part the source has, else one for `all`."""

SPLIT_NAMES = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
