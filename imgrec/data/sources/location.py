"""The keys of section `data` that say where the images are and what reads them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, PositiveInt, create_model

from imgrec.data.loader import Loader, Options
from imgrec.data.records import SPLITS
from imgrec.data.sources.loaders import LOADERS
from imgrec.sections.section import ConfigFinding, ProperFraction, Section, Text

_S = TypeVar("_S", bound=Section)

_PIXELS = (
    "Pixels in arrays are whole numbers from 0 to 255, or floats from 0 to 1 or from 0 to 255: "
    "if the largest float in a file is at most 1, floats are taken as 0 to 1."
)


def loader_named(name: str) -> Loader[Any]:
    """Return the loader of this name, which has to exist."""
    return next(loader for loader in LOADERS if loader.name == name)


def loader_keys() -> dict[str, tuple[str, ...]]:
    """Return each key of `data` that belongs to loaders, with the names of those."""
    keys: dict[str, tuple[str, ...]] = {}
    for loader in LOADERS:
        for key in loader.options.model_fields:
            keys[key] = (*keys.get(key, ()), loader.name)
    return keys


def _with_loaders(section: type[_S]) -> type[_S]:
    """Return `section` with the names of all loaders and with their keys."""
    keys: dict[str, Any] = {
        name: (field.annotation, copy.copy(field))
        for loader in LOADERS
        for name, field in loader.options.model_fields.items()
    }
    summaries = " ".join(f"`{loader.name}`: {loader.summary}." for loader in LOADERS)
    keys["loader"] = (
        Literal[tuple(loader.name for loader in LOADERS)] | None,
        Field(
            default=None,
            description=f"What reads the images; by default, the path decides. {summaries} "
            f"{_PIXELS}",
        ),
    )
    return create_model(
        section.__name__, __base__=section, __doc__=section.__doc__, __module__=__name__, **keys
    )


class SplitConfig(Section):
    """How to split the images, within each class and by the seed; the rest is for training."""

    validation: ProperFraction = Field(
        default=0.0,
        description="Fraction of the images for validation; none if left out, also "
        "where `test` is given.",
    )
    test: ProperFraction = Field(default=0.0, description="Fraction of the images for the test.")

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield fractions that leave nothing for training."""
        if self.validation + self.test >= 1:
            yield (), "validation and test together must be below 1, or nothing is left to train on"


class FoldConfig(Section):
    """A fold of a cross-validation, which is held out as the test images."""

    number: PositiveInt = Field(description="The fold that is held out, from 1.")
    of: Annotated[int, Field(ge=2, le=100)] = Field(description="How many folds there are.")

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield a number that is too high."""
        if self.number > self.of:
            yield ("number",), f"must be at most {self.of}, the number of folds, got {self.number}"


@_with_loaders
class DataLocation(Section):
    """Where the images are, what reads them, and how they are divided.

    Besides the keys below it has those of all loaders: their `options`.
    """

    loader: str | None = None
    root: Text | None = Field(
        default=None,
        description="Where all the images are: a folder of class folders, or of the folders "
        "train, validation and test with class folders each, also called by other names such as "
        "`Training`, `val` or `seg_test`; a file; for TFRecord "
        "also a folder, such as `imgrec data pack` writes, or a pattern such as "
        "`birds/*.tfrecord`, where a manifest or names such as `train-1.tfrecord` say which "
        "split a file belongs to; for `keras` the name of a data set. What comes without splits "
        "is divided by `split`.",
    )
    train: Text | None = Field(
        default=None,
        description="The training images, if they are apart from the others: a folder, file or "
        "pattern as for `root`, without splits inside.",
    )
    validation: Text | None = Field(
        default=None, description="The validation images, given like `train`."
    )
    test: Text | None = Field(default=None, description="The test images, given like `train`.")
    multi_label: bool = False
    split: SplitConfig | None = Field(
        default=None,
        description="How to split images that come without splits. Without this section, 20 % are "
        "used for validation if there is no validation split; with it, only what it says.",
    )
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] | None = Field(
        default=None, description="Seed of the split; by default `seed`."
    )
    fold: FoldConfig | None = Field(
        default=None,
        description="Divide training and validation images into folds, and hold one out as the "
        "test images, instead of those there are. `imgrec train --folds` trains on each.",
    )
    group: Text | None = Field(
        default=None,
        description="Keeps related images, such as frames of one video, in the same split: a "
        "column of the CSV file, or a regular expression that is searched in each image's name. "
        "Its first group, or else the whole match, identifies the image's group. It may have 1,000 "
        "characters, and take 60 seconds for all images.",
    )

    def options(self, loader: Loader[Options]) -> Options:
        """Return the values of the loader's own keys."""
        keys = loader.options.model_fields
        return loader.options.model_construct(**{key: getattr(self, key) for key in keys})

    def misplaced(self, loader: Loader[Any]) -> Iterator[ConfigFinding]:
        """Yield each key that has a value and belongs to other loaders than this one."""
        fields = type(self).model_fields
        for key, names in loader_keys().items():
            if loader.name not in names and getattr(self, key) != fields[key].default:
                yield (key,), f"is for loader {' or '.join(names)}, not for {loader.name}"

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield what contradicts itself about where the images come from."""
        loader = None if self.loader is None else loader_named(self.loader)
        if loader is not None:
            yield from self.misplaced(loader)
        # Loaders share keys.
        yield from dict.fromkeys(
            problem for each in LOADERS for problem in self.options(each).problems()
        )
        if loader is None or loader.datasets is None:
            yield from self._path_problems()
        else:
            yield from self._dataset_problems(loader.name, loader.datasets)
        yield from self._split_problems()

    def _dataset_problems(self, loader: str, datasets: tuple[str, ...]) -> Iterator[ConfigFinding]:
        if datasets and self.root not in datasets:
            yield ("root",), f"the data sets of {loader} are {', '.join(datasets)}; name one"
        for name in SPLITS if datasets else ("root", *SPLITS):
            if getattr(self, name) is not None:
                yield (name,), f"loader {loader} reads no files; leave it out"

    def _path_problems(self) -> Iterator[ConfigFinding]:
        if self.root is None and self.train is None:
            yield (), "does not say where the images are: give root or train"
        if self.root is not None:
            for name in SPLITS:
                if getattr(self, name) is not None:
                    yield (name,), "give either root, or train, validation and test"

    def _split_problems(self) -> Iterator[ConfigFinding]:
        for name in ("validation", "test"):
            fraction = getattr(self.split, name) if self.split else 0
            if fraction and getattr(self, name) is not None:
                yield ("split", name), f"data.{name} is given too; leave one of them out"
