"""Section `preprocessing` of a config: arithmetic on pixels that becomes part of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, Strict

from imgrec.backbones import BACKBONES, wants_colour
from imgrec.sections.problems import shown_value, unknown
from imgrec.sections.section import ConfigFinding, Factor, PositiveFloat, Says, Section

Number = Annotated[float, Strict()]
PerChannel = Annotated[
    Number | Annotated[list[Number], Field(min_length=1)],
    Says("a number", "a list of numbers, one per channel"),
]
PositivePerChannel = Annotated[
    PositiveFloat | Annotated[list[Annotated[float, Strict(), Field(gt=0)]], Field(min_length=1)],
    Says("a number above 0", "a list of such numbers, one per channel"),
]


class Preprocessing(Section):
    """Arithmetic applied to every image, in training and in prediction; part of the model.

    First `rescale`, then at most one way of standardizing: with given numbers (`mean`, `std`),
    with statistics of the training images (`featurewise_…`) or with those of each image
    (`samplewise_…`). The last four keys work as in Keras' ImageDataGenerator, which also augments
    before it standardizes. Or use the preprocessing of a keras.applications model (`application`).
    """

    application: str | None = Field(
        default=None,
        description="Use the preprocessing of this network (the `preprocess_input` of a "
        "keras.applications model), if `model.weights` are from it. Can't be combined with other "
        "keys here.",
        json_schema_extra={"enum": [*BACKBONES, None]},
    )

    rescale: Factor | None = Field(
        default=None,
        description="Multiply pixel values (0 to 255) by this factor, a number or a fraction "
        "such as 1/255.",
    )
    mean: PerChannel | None = Field(
        default=None,
        description="Subtract this after `rescale`, so in its units: with 1/255, from 0 to 1. "
        "One number, or one per channel.",
    )
    std: PositivePerChannel | None = Field(
        default=None,
        description="Divide by this after `mean`, in the same units. One number, or one per "
        "channel.",
    )
    featurewise_center: bool = Field(
        default=False,
        description="Subtract the mean of the training images: one number per channel, over all "
        "images, rows and columns, computed after `data.fit` and without augmentation. The run "
        "also gets the mean image, as mean.npy and mean.png.",
    )
    featurewise_std_normalization: bool = Field(
        default=False,
        description="Subtract that mean, and divide by the training images' standard deviation "
        "per channel (plus 1e-6).",
    )
    samplewise_center: bool = Field(
        default=False,
        description="Subtract each image's own mean, over all pixels and channels.",
    )
    samplewise_std_normalization: bool = Field(
        default=False,
        description="Subtract that mean, and divide by the image's own standard deviation "
        "(plus 1e-6).",
    )

    @property
    def given(self) -> bool:
        """Whether the config contains the numbers."""
        return self.mean is not None or self.std is not None

    @property
    def featurewise(self) -> bool:
        """Whether the numbers are statistics of the training images."""
        return self.featurewise_center or self.featurewise_std_normalization

    @property
    def samplewise(self) -> bool:
        """Whether the numbers are statistics of each image."""
        return self.samplewise_center or self.samplewise_std_normalization

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield conflicting ways of standardizing, and an unknown application."""
        if self.application is not None and self.application not in BACKBONES:
            known = unknown(self.application, BACKBONES)
            yield ("application",), f"unknown application {shown_value(self.application)}" + known
        for name, value in self:
            if (
                self.application is not None
                and name != "application"
                and value not in (None, False)
            ):
                yield (name,), f"{self.application} has its own preprocessing; leave out {name}"
        ways = {
            "mean and std": self.given,
            "featurewise_…": self.featurewise,
            "samplewise_…": self.samplewise,
        }
        chosen = [name for name, is_chosen in ways.items() if is_chosen]
        if len(chosen) > 1:
            yield (), f"{' and '.join(chosen)} can't be combined; choose one way of standardizing"

    def channel_problems(self, channels: int) -> Iterator[ConfigFinding]:
        """Yield lists that don't fit the number of channels, and applications that need colour."""
        if channels == 1 and self.application in BACKBONES and wants_colour(self.application):
            yield (
                ("application",),
                f"{self.application} needs data.channels: 3 (grey images work too)",
            )
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if isinstance(numbers, list) and len(numbers) != channels:
                message = f"has {len(numbers)} numbers, but data.channels is {channels}"
                yield (name,), f"{message}; give one number, or one per channel"
