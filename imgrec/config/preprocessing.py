"""Section `preprocessing` of a config: arithmetic on the pixels that becomes part of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, Strict

from imgrec.config.backbones import BACKBONES, wants_colour
from imgrec.sections.problems import shown_value, unknown
from imgrec.sections.section import ConfigFinding, Factor, PositiveFloat, Says, Section

Number = Annotated[float, Strict()]
PerChannel = Annotated[
    Number | Annotated[list[Number], Field(min_length=1)],
    Says("a number", "a list of numbers, one per channel"),
]
PositivePerChannel = Annotated[
    PositiveFloat | Annotated[list[Annotated[float, Strict(), Field(gt=0)]], Field(min_length=1)],
    Says("a number above 0", "a list of them, one per channel"),
]


class Preprocessing(Section):
    """What is done to every image, in training and afterwards; it becomes part of the model.

    First `rescale`, then one way of standardizing, if any: by numbers given (`mean`, `std`), by
    those of the training images (`featurewise_…`) or by each image's own (`samplewise_…`). The
    last four mean what ImageDataGenerator means by them; it too augments before it standardizes.
    Or all of it as a classifier of keras.applications has it (`application`).
    """

    application: str | None = Field(
        default=None,
        description="A classifier of keras.applications: its `preprocess_input`, for a network "
        "written out in layers that starts from its weights. Goes with no other key here.",
        json_schema_extra={"enum": [*BACKBONES, None]},
    )

    rescale: Factor | None = Field(
        default=None,
        description="Pixel values (0 to 255) are multiplied with it; a number, or 1/255.",
    )
    mean: PerChannel | None = Field(
        default=None,
        description="Subtracted after `rescale`, so in its units: with 1/255, numbers from 0 to 1. "
        "One number, or one per channel.",
    )
    std: PositivePerChannel | None = Field(
        default=None,
        description="What is left after `mean` is divided by it, in the same units. One number, "
        "or one per channel.",
    )
    featurewise_center: bool = Field(
        default=False,
        description="Subtract the mean of the training images: one number per channel, over all "
        "images, rows and columns, taken after `fit` and without augmentation. The run then "
        "holds the mean image too, as mean.npy and mean.png.",
    )
    featurewise_std_normalization: bool = Field(
        default=False,
        description="Subtract that mean, and divide by the training images' standard deviation "
        "per channel (plus 1e-6).",
    )
    samplewise_center: bool = Field(
        default=False,
        description="Subtract from each image its own mean, over all pixels and channels.",
    )
    samplewise_std_normalization: bool = Field(
        default=False,
        description="Subtract that mean, and divide by the image's own standard deviation "
        "(plus 1e-6).",
    )

    @property
    def given(self) -> bool:
        """Whether the config holds the numbers."""
        return self.mean is not None or self.std is not None

    @property
    def featurewise(self) -> bool:
        """Whether the numbers are those of the training images."""
        return self.featurewise_center or self.featurewise_std_normalization

    @property
    def samplewise(self) -> bool:
        """Whether each image has numbers of its own."""
        return self.samplewise_center or self.samplewise_std_normalization

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield two ways of standardizing at once, and an unknown application."""
        if self.application is not None and self.application not in BACKBONES:
            known = unknown(self.application, BACKBONES)
            yield ("application",), f"unknown application {shown_value(self.application)}" + known
        for name, value in self:
            if (
                self.application is not None
                and name != "application"
                and value not in (None, False)
            ):
                yield (name,), f"{self.application} brings its own preprocessing; leave {name} out"
        ways = {
            "mean and std": self.given,
            "featurewise_…": self.featurewise,
            "samplewise_…": self.samplewise,
        }
        chosen = [name for name, is_chosen in ways.items() if is_chosen]
        if len(chosen) > 1:
            yield (), f"{' or '.join(chosen)}: images are standardized in one way; choose one"

    def channel_problems(self, channels: int) -> Iterator[ConfigFinding]:
        """Yield lists without one number for each of `channels`, and what wants all colours."""
        if channels == 1 and self.application in BACKBONES and wants_colour(self.application):
            yield ("application",), f"{self.application} wants data.channels 3 (grey images too)"
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if isinstance(numbers, list) and len(numbers) != channels:
                message = f"has {len(numbers)} numbers, but data.channels is {channels}"
                yield (name,), f"{message}; give one number, or one per channel"
