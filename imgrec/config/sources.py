"""What sections `data.columns` and `data.features` say about where labels and images stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from imgrec.config.section import Finding, Section
from imgrec.config.values import Text

Loader = Literal[
    "folder", "csv", "npz", "pickle", "idx", "tfrecord", "keras", "digits", "shapes"
]  # fmt: skip

KERAS_SETS = ("mnist", "fashion_mnist", "cifar10", "cifar100")

# Loaders whose images are no files of the user's.
BUILT_IN: Mapping[str, str] = {
    "digits": "the digits come with scikit-learn; leave it out",
    "shapes": "the shapes are drawn on the spot; leave it out",
}

_ONLY_FOR: Mapping[str, Sequence[str]] = {
    "columns": ("csv",),
    "separator": ("csv",),
    "multi_label": ("csv", "tfrecord"),
    "features": ("tfrecord",),
    "label_map": ("tfrecord",),
    "images": ("shapes",),
}


class Columns(Section):
    """The columns of a CSV file, by the names in its first line."""

    path: Text = Field(
        default="path", description="The image's path, relative to the folder of the CSV file."
    )
    label: Text = Field(default="label", description="The image's class, or several of them.")
    split: Text = Field(
        default="split",
        description="Whether the image is for `train`, `validation` (`val`, `valid`) or `test`. "
        "Without this column `data.split` divides the images.",
    )


class Features(Section):
    """The features of a `tf.train.Example` that hold the image and its class."""

    image: Text | None = Field(
        default=None,
        description="An encoded image. Where left out: the first of `image/encoded`, `image`, "
        "`image_raw` that the first record has.",
    )
    label: Text | None = Field(
        default=None,
        description="A whole number, or a text; with `data.multi_label` any number of them. "
        "Where left out: the first of `label`, `image/class/label`, `image/class/text` that the "
        "first record has.",
    )


def misplaced(data: Any, loader: str) -> Iterator[Finding]:
    """Yield each key of the section `data` that says something, though not to `loader`."""
    for key, wanted in _ONLY_FOR.items():
        if getattr(data, key) not in (None, False) and loader not in wanted:
            yield (key,), f"only loader {' and '.join(wanted)} knows it, and the loader is {loader}"


def doubtful_labels(label_map: Mapping[str, str]) -> Iterator[Finding]:
    """Yield keys of `data.label_map` that are no whole numbers, and names that stand twice."""
    first: dict[str, str] = {}
    for key, name in label_map.items():
        if not re.fullmatch(r"0|-?[1-9]\d{0,18}", key, re.ASCII):
            yield ("label_map", key), "is not a whole number"
        elif first.setdefault(name, key) != key:
            yield ("label_map", key), f"labels {first[name]} and {key} have the same name"
