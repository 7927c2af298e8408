"""Section `data` of a config: where the images are and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from imgrec.config.problems import shown
from imgrec.config.section import Finding, Says, Section
from imgrec.config.values import AS_LIST, Factor, ProperFraction, Text

_Side = Annotated[int, Field(ge=1, le=8192)]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]


def _no_truth(value: Any) -> Any:
    # Python's True equals 1.
    return shown(value) if isinstance(value, bool) else value


class Split(Section):
    """How the images are divided, class by class and by the seed; the rest is for training."""

    validation: ProperFraction = Field(default=0.0, description="Share of images for validation.")
    test: ProperFraction = Field(default=0.0, description="Share of images for the test.")

    def problems(self) -> Iterator[Finding]:
        """Yield shares that leave nothing for training."""
        if self.validation + self.test >= 1:
            yield (), "validation and test together must be below 1, or nothing is left to train on"


class Data(Section):
    """Where the images are, and the one size and form that all of them get."""

    loader: Literal["folder", "digits"] = Field(
        default="folder",
        description="`folder`: folders of images, one per class. `digits`: the 1,797 handwritten "
        "digits that come with scikit-learn, 8x8 grey.",
    )
    root: Text | None = Field(
        default=None,
        description="A folder of class folders, divided by `split`; or of the folders train, "
        "validation (val, valid) and test, each with class folders.",
    )
    train: Text | None = Field(default=None, description="A folder of class folders.")
    validation: Text | None = Field(default=None, description="A folder of class folders.")
    test: Text | None = Field(default=None, description="A folder of class folders.")
    split: Split | None = Field(
        default=None,
        description="How `root`, `train` or the digits are divided. By default 20 % are taken "
        "for validation where none is named.",
    )
    image_size: Annotated[
        tuple[_Side, _Side],
        AS_LIST,
        Says("[height, width] in pixels, both from 1 to 8192"),
    ] = Field(description="[height, width] in pixels; every image is resized to it.")
    channels: Annotated[Literal[1, 3], BeforeValidator(_no_truth)] = Field(
        default=3, description="3: colour. 1: grey."
    )
    interpolation: Interpolation = Field(default="bilinear", description="How images are resized.")
    batch_size: PositiveInt = Field(default=32, description="Images per training step.")
    bad_images: Literal["error", "skip"] = Field(
        default="error",
        description="An image that can't be read ends the run, or is skipped and counted.",
    )

    def problems(self) -> Iterator[Finding]:
        """Yield what contradicts itself about where the images come from."""
        if self.loader == "digits":
            for name in ("root", "train", "validation", "test"):
                if getattr(self, name) is not None:
                    yield (name,), "the digits come with scikit-learn; leave it out"
            return
        yield from self._sources()
        yield from self._splits()

    def _sources(self) -> Iterator[Finding]:
        if self.root is None and self.train is None:
            yield (), "does not say where the images are: give root or train"
        if self.root is not None:
            for name in ("train", "validation", "test"):
                if getattr(self, name) is not None:
                    yield (name,), "root is given too; give root, or train with validation and test"

    def _splits(self) -> Iterator[Finding]:
        for name in ("validation", "test"):
            share = getattr(self.split, name) if self.split else 0
            if share and getattr(self, name) is not None:
                yield ("split", name), f"data.{name} is given too; leave one of them out"


class Preprocessing(Section):
    """What is done to every image, in training and afterwards; it becomes part of the model."""

    rescale: Factor | None = Field(
        default=None,
        description="Pixel values (0 to 255) are multiplied with it; a number, or 1/255.",
    )
