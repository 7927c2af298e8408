"""Section `augmentation` of a config: random changes to training images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from imgrec.sections.section import (
    ConfigFinding,
    Fraction,
    NonNegativeFloat,
    PositiveFloat,
    Range,
    Says,
    Section,
)

_FOR_EVERY_IMAGE = "it applies to every image, not only in training"
_FIXED = "can't be set: "

BESIDE = frozenset(
    {"engine", "blur_sigma", "blur_probability", "random_erasing", "mixup", "cutmix"}
)
"""The keys that ImageDataGenerator does not have."""

Shift = Annotated[
    Annotated[int, Field(ge=0)]
    | NonNegativeFloat
    | Annotated[list[Annotated[float, Strict()]], Field(min_length=1)],
    Says("a fraction of the size", "a number of pixels", "a list of numbers"),
]


class Augmentation(Section):
    """Random changes to the training images; most names are those of Keras' ImageDataGenerator.

    Validation and test images are never augmented.
    """

    elsewhere: ClassVar[dict[str, str]] = {
        **{
            name: f"belongs to `preprocessing.{name}`: {_FOR_EVERY_IMAGE}"
            for name in (
                "rescale",
                "featurewise_center",
                "featurewise_std_normalization",
                "samplewise_center",
                "samplewise_std_normalization",
            )
        },
        "validation_split": "belongs to `data.split.validation`: "
        "images are split before they are augmented",
        "preprocessing_function": "is code, which a config can't contain",
        "zca_whitening": "is not supported: it needs the whole data set in memory",
        "zca_epsilon": "is not supported, since zca_whitening is not",
        "data_format": f"{_FIXED}images are (height, width, channels)",
        "dtype": f"{_FIXED}images are float32",
        "interpolation_order": f"{_FIXED}the augmentation interpolates bilinearly",
    }

    engine: Literal["batched", "keras"] = Field(
        default="batched",
        description="What applies the changes. Both engines draw the same random values and "
        "produce the same pixels. `keras`: ImageDataGenerator, one image at a time. `batched`: "
        "the whole batch at once, many times faster; for `brightness_range` with a `cval` outside "
        "0 to 255, `keras` is used instead, and the log says so.",
    )
    rotation_range: Annotated[float, Field(ge=0, le=180)] = Field(
        default=0.0, description="Rotate by up to this many degrees in either direction."
    )
    width_shift_range: Shift = Field(
        default=0.0,
        description="Shift horizontally by up to this fraction of the width if below 1, else by "
        "up to this many pixels; from a list, one of its values is drawn.",
    )
    height_shift_range: Shift = Field(
        default=0.0,
        description="Shift vertically; as `width_shift_range`, relative to the height.",
    )
    shear_range: Annotated[float, Field(ge=0, lt=90)] = Field(
        default=0.0, description="Shear by up to this many degrees in either direction."
    )
    zoom_range: Annotated[
        Annotated[float, Field(ge=0, lt=1)] | Range,
        Says("a number from 0 to 1", "two factors"),
    ] = Field(
        default=0.0, description="Zoom by a factor between 1 - z and 1 + z, or between two factors."
    )
    channel_shift_range: NonNegativeFloat = Field(
        default=0.0, description="Add a random value of up to this much (of 255) to each channel."
    )
    brightness_range: Annotated[Range, Says("two factors")] | None = Field(
        default=None,
        description="Multiply the brightness by a factor between these two; 1 changes nothing.",
    )
    horizontal_flip: bool = Field(default=False, description="Mirror half of the images.")
    vertical_flip: bool = Field(default=False, description="Flip half of the images upside down.")
    fill_mode: Literal["constant", "nearest", "reflect", "wrap"] = Field(
        default="nearest",
        description="How to fill the pixels that a shift, rotation or zoom leaves empty.",
    )
    cval: float = Field(default=0.0, description="The value that `fill_mode: constant` fills with.")
    blur_sigma: Annotated[float, Field(ge=0, le=100)] = Field(
        default=0.0, description="Gaussian blur with a sigma between 0 and this many pixels."
    )
    blur_probability: Fraction = Field(
        default=1.0, description="The probability that an image is blurred."
    )
    random_erasing: Fraction = Field(
        default=0.0,
        description="The probability that a rectangle (2 to 20 % of the image) is replaced by "
        "noise.",
    )
    mixup: PositiveFloat | None = Field(
        default=None,
        description="Mixup: blend each image, and its target, with another of the batch, "
        "weighted by a value drawn from Beta(a, a): 0.2 is mild, 1 is uniform. The training "
        "accuracy then means little.",
    )
    cutmix: PositiveFloat | None = Field(
        default=None,
        description="CutMix: paste a rectangle of another image of the batch, and mix the "
        "targets by its area, which is drawn from Beta(a, a); 1 is usual. If mixup is set too, "
        "each batch gets one of the two.",
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield pairs that are not ascending or not above 0."""
        for name in ("zoom_range", "brightness_range"):
            pair = getattr(self, name)
            if isinstance(pair, tuple) and not 0 < pair[0] <= pair[1]:
                yield (name,), "must be two numbers above 0, the smaller one first"
