"""ImageDataGenerator's arguments: what is done to the images of the training part only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from imgrec.config.section import Finding, Says, Section
from imgrec.config.values import NonNegativeFloat, Range

_PREPROCESSING = "is not available; `preprocessing.rescale` sets what the model gets"
_FIXED = "is not an option here: "

Shift = Annotated[
    Annotated[int, Field(ge=0)]
    | NonNegativeFloat
    | Annotated[list[Annotated[float, Strict()]], Field(min_length=1)],
    Says("a share of the size", "a number of pixels", "a list of numbers"),
]


class Augmentation(Section):
    """Random changes to the training images, by ImageDataGenerator's names.

    Validation and test images are never augmented.
    """

    elsewhere: ClassVar[dict[str, str]] = {
        "rescale": "belongs to `preprocessing.rescale`: it holds for every image, "
        "not only for training",
        "featurewise_center": _PREPROCESSING,
        "featurewise_std_normalization": _PREPROCESSING,
        "samplewise_center": _PREPROCESSING,
        "samplewise_std_normalization": _PREPROCESSING,
        "validation_split": "belongs to `data.split.validation`: "
        "the images are divided before any is augmented",
        "preprocessing_function": "is code, which a config does not hold",
        "zca_whitening": "is not supported: it needs the whole data set in memory",
        "zca_epsilon": "is not supported, since zca_whitening is not",
        "data_format": f"{_FIXED}images are (height, width, channels)",
        "dtype": f"{_FIXED}images are float32",
        "interpolation_order": f"{_FIXED}the augmentation interpolates bilinearly",
    }

    rotation_range: Annotated[float, Field(ge=0, le=180)] = Field(
        default=0.0, description="Turn by up to this many degrees either way."
    )
    width_shift_range: Shift = Field(
        default=0.0,
        description="Shift sideways: below 1 a share of the width, else pixels; a list names them.",
    )
    height_shift_range: Shift = Field(
        default=0.0,
        description="Shift up or down, likewise with the height.",
    )
    shear_range: Annotated[float, Field(ge=0, lt=90)] = Field(
        default=0.0, description="Shear by up to this many degrees either way."
    )
    zoom_range: Annotated[
        Annotated[float, Field(ge=0, lt=1)] | Range,
        Says("a number from 0 to 1", "two factors"),
    ] = Field(default=0.0, description="Zoom between 1 - z and 1 + z, or between two factors.")
    channel_shift_range: NonNegativeFloat = Field(
        default=0.0, description="Add up to this much (of 255) to each channel."
    )
    brightness_range: Annotated[Range, Says("two factors")] | None = Field(
        default=None, description="Brightness between two factors; 1 changes nothing."
    )
    horizontal_flip: bool = Field(default=False, description="Mirror half of the images.")
    vertical_flip: bool = Field(default=False, description="Turn half of the images upside down.")
    fill_mode: Literal["constant", "nearest", "reflect", "wrap"] = Field(
        default="nearest", description="What is drawn where an image was moved away."
    )
    cval: float = Field(default=0.0, description="The value drawn by `fill_mode: constant`.")

    def problems(self) -> Iterator[Finding]:
        """Yield the pairs that are upside down or not above 0."""
        for name in ("zoom_range", "brightness_range"):
            pair = getattr(self, name)
            if isinstance(pair, tuple) and not 0 < pair[0] <= pair[1]:
                yield (name,), "must be two numbers above 0, the smaller one first"
