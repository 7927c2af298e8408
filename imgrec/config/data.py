"""Section `data` of a config: where the images are and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from imgrec.sections.problems import shown_value
from imgrec.sections.section import (
    AS_LIST,
    Bytes,
    ConfigFinding,
    ProperFraction,
    Says,
    Section,
    Text,
    word_or,
)

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


def misplaced_keys(data: Any, loader: str) -> Iterator[ConfigFinding]:
    """Yield each key of the section `data` that says something, though not to `loader`."""
    for key, wanted in _ONLY_FOR.items():
        if getattr(data, key) not in (None, False) and loader not in wanted:
            yield (key,), f"only loader {' and '.join(wanted)} knows it, and the loader is {loader}"


def check_label_columns(label_map: Mapping[str, str]) -> Iterator[ConfigFinding]:
    """Yield keys of `data.label_map` that are no whole numbers, and names that stand twice."""
    first: dict[str, str] = {}
    for key, name in label_map.items():
        if not re.fullmatch(r"0|-?[1-9]\d{0,18}", key, re.ASCII):
            yield ("label_map", key), "is not a whole number"
        elif first.setdefault(name, key) != key:
            yield ("label_map", key), f"labels {first[name]} and {key} have the same name"


_Side = Annotated[int, Field(ge=1, le=8192)]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


def _no_truth(value: Any) -> Any:
    # Python's True equals 1.
    return shown_value(value) if isinstance(value, bool) else value


class SplitConfig(Section):
    """How the images are divided, class by class and by the seed; the rest is for training."""

    validation: ProperFraction = Field(default=0.0, description="Share of images for validation.")
    test: ProperFraction = Field(default=0.0, description="Share of images for the test.")

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield shares that leave nothing for training."""
        if self.validation + self.test >= 1:
            yield (), "validation and test together must be below 1, or nothing is left to train on"


class Cache(Section):
    """Where decoded images are kept: in memory where they fit, else in files that are reused."""

    memory: bool = Field(
        default=True,
        description="Keep the images in memory where they take at most a quarter of what is "
        "free. `false`: always in a file, which later runs reuse.",
    )
    folder: Text | None = Field(
        default=None,
        description="The folder of the files; by default IMGREC_CACHE, or imgrec below "
        "XDG_CACHE_HOME or ~/.cache.",
    )
    limit: Bytes = Field(
        default="20GB",
        description="What all files in the folder may take together; those not used for longest "
        "are removed. A number of MB, GB or TB.",
    )


class Data(Section):
    """Where the images are, and the one size and form that all of them get."""

    loader: Loader | None = Field(
        default=None,
        description="What reads the images; where left out, the path tells. "
        "`folder`: folders of images, one per class. "
        "`csv`: a table of paths and labels. "
        "`npz`: NumPy arrays `x` and `y` (or `images` and `labels`), also `x_train`, `y_train`, "
        "`x_test`, `y_test`, `x_val`, `y_val`; optionally `classes`, the names. "
        "`pickle`: the same arrays as `X, Y` or `X, Y, X_test, Y_test`, or a dict of them; "
        "anything but arrays, lists, dicts, numbers and texts in it is refused. "
        "`idx`: MNIST's files, gzipped or not, or a folder of them. "
        "`tfrecord`: files of `tf.train.Example`. "
        "`keras`: a data set that Keras fetches. "
        "`digits`: the 1,797 handwritten digits that come with scikit-learn, 8x8 grey. "
        "`shapes`: circles, squares and triangles, drawn on the spot. "
        "Pixels in arrays are whole numbers from 0 to 255, or floats from 0 to 1 or from 0 to "
        "255: where the greatest float in a file is at most 1, floats count as 0 to 1.",
    )
    root: Text | None = Field(
        default=None,
        description="Where all the images are: a folder of class folders, or of the folders "
        "train, validation (val, valid) and test with class folders each; a file; for TFRecord "
        "also a folder, such as `imgrec data pack` writes, or a pattern such as "
        "`birds/*.tfrecord`, where a manifest or names such as `train-1.tfrecord` tell the parts; "
        "for `keras` the name: mnist, fashion_mnist, cifar10 or cifar100. What has no parts of its "
        "own is divided by `split`.",
    )
    train: Text | None = Field(
        default=None,
        description="The training images, where they stand apart: a folder, file or pattern as "
        "for `root`, without parts of its own.",
    )
    validation: Text | None = Field(default=None, description="The validation images, likewise.")
    test: Text | None = Field(default=None, description="The test images, likewise.")
    columns: Columns | None = Field(default=None)
    multi_label: bool = Field(
        default=False,
        description="For `csv` and `tfrecord`: whether an image may have several labels, or none. "
        "The model then answers for each class by itself, with `model.output: sigmoid`.",
    )
    separator: Text | None = Field(
        default=None,
        description="For `csv` with `multi_label`: what stands between the labels of an image; "
        "`;` where left out.",
    )
    features: Features | None = Field(default=None)
    label_map: dict[str, Text] | None = Field(
        default=None,
        description="For `tfrecord` with whole numbers as labels: the class each stands for, "
        "such as `{1: person, 2: bicycle}`. Without it the numbers are the names, or those that "
        "a pack's manifest tells. `imgrec data pack` gives the classes these numbers.",
    )
    images: PositiveInt | None = Field(
        default=None, description="For `shapes`: how many are drawn; 300 where left out."
    )
    split: SplitConfig | None = Field(
        default=None,
        description="How images without parts of their own are divided. By default 20 % are "
        "taken for validation where there is none.",
    )
    group: Text | None = Field(
        default=None,
        description="What keeps images together that belong together, such as frames of one "
        "video: a column of the CSV file, or a regular expression that is searched in each "
        "image's name; its first group, or else the whole match, names the image's group. No "
        "group is divided.",
    )
    image_size: Annotated[
        tuple[_Side, _Side],
        AS_LIST,
        Says("[height, width] in pixels, both from 1 to 8192"),
    ] = Field(description="[height, width] in pixels; every image is brought to it, as `fit` says.")
    channels: Annotated[Literal[1, 3], BeforeValidator(_no_truth)] = Field(
        default=3, description="3: colour. 1: grey."
    )
    fit: Literal["stretch", "crop", "pad"] = Field(
        default="stretch",
        description="What becomes of an image whose aspect ratio is not that of `image_size`. "
        "`stretch`: each side is scaled on its own; in a square, a portrait photo comes out squat. "
        "`crop`: it is scaled until it covers the size, and its middle is taken; the portrait "
        "loses top and bottom. `pad`: it is scaled until all of it fits inside, in the middle of "
        "black (0); the portrait gets a bar on the left and on the right.",
    )
    interpolation: Interpolation = Field(default="bilinear", description="How images are resized.")
    batch_size: PositiveInt = Field(default=32, description="Images per training step.")
    bad_images: Literal["error", "skip"] = Field(
        default="error",
        description="An image that can't be read ends the run, or is skipped and counted.",
    )
    cache: Annotated[Cache | Literal["none"], word_or("none", Cache, "{limit: 20GB}")] = Field(
        default_factory=Cache,
        description="Where decoded images are kept between epochs and runs. `none`: nowhere; "
        "they are decoded anew each epoch.",
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield what contradicts itself about where the images come from."""
        if self.loader is not None:
            yield from misplaced_keys(self, self.loader)
        if self.separator is not None and not self.multi_label:
            yield ("separator",), "stands between several labels: set multi_label to true, too"
        yield from check_label_columns(self.label_map or {})
        if reason := BUILT_IN.get(self.loader or ""):
            for name in ("root", "train", "validation", "test"):
                if getattr(self, name) is not None:
                    yield (name,), reason
            return
        yield from self._keras() if self.loader == "keras" else self._sources()
        yield from self._splits()

    def _keras(self) -> Iterator[ConfigFinding]:
        if self.root not in KERAS_SETS:
            yield ("root",), f"the data sets of Keras are {', '.join(KERAS_SETS)}; name one"
        for name in ("train", "validation", "test"):
            if getattr(self, name) is not None:
                yield (name,), "the data sets of Keras have parts of their own; leave it out"

    def _sources(self) -> Iterator[ConfigFinding]:
        if self.root is None and self.train is None:
            yield (), "does not say where the images are: give root or train"
        if self.root is not None:
            for name in ("train", "validation", "test"):
                if getattr(self, name) is not None:
                    yield (name,), "root is given too; give root, or train with validation and test"

    def _splits(self) -> Iterator[ConfigFinding]:
        for name in ("validation", "test"):
            share = getattr(self.split, name) if self.split else 0
            if share and getattr(self, name) is not None:
                yield ("split", name), f"data.{name} is given too; leave one of them out"
