"""ImageDataGenerator's arguments and a few more: what is done to training images only."""

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

_FOR_EVERY_IMAGE = "it holds for every image, not only for training"
_FIXED = "is not an option here: "

BESIDE = frozenset({"engine", "blur_sigma", "blur_share", "random_erasing", "mixup", "cutmix"})
"""The keys that are not ImageDataGenerator's."""

Shift = Annotated[
    Annotated[int, Field(ge=0)]
    | NonNegativeFloat
    | Annotated[list[Annotated[float, Strict()]], Field(min_length=1)],
    Says("a share of the size", "a number of pixels", "a list of numbers"),
]


class Augmentation(Section):
    """Random changes to the training images, most of them by ImageDataGenerator's names.

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
        "the images are divided before any is augmented",
        "preprocessing_function": "is code, which a config does not hold",
        "zca_whitening": "is not supported: it needs the whole data set in memory",
        "zca_epsilon": "is not supported, since zca_whitening is not",
        "data_format": f"{_FIXED}images are (height, width, channels)",
        "dtype": f"{_FIXED}images are float32",
        "interpolation_order": f"{_FIXED}the augmentation interpolates bilinearly",
    }

    engine: Literal["batched", "keras"] = Field(
        default="batched",
        description="Both draw what ImageDataGenerator draws, and bring the same pixels. `keras`: "
        "it changes image after image. `batched`: one program changes a whole batch, many times "
        "faster; where it can't (`brightness_range` with a `cval` outside 0 to 255), `keras` is "
        "used, and the log says so.",
    )
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
    blur_sigma: Annotated[float, Field(ge=0, le=100)] = Field(
        default=0.0, description="Gaussian blur of a sigma between 0 and this many pixels."
    )
    blur_share: Fraction = Field(
        default=1.0, description="The share of images that are blurred at all."
    )
    random_erasing: Fraction = Field(
        default=0.0,
        description="The share of images in which a rectangle (2 to 20 % of the image) becomes "
        "noise.",
    )
    mixup: PositiveFloat | None = Field(
        default=None,
        description="Blend each image, and its target, with another of its batch; shares are "
        "drawn from Beta(a, a): 0.2 is mild, 1 is even. Training accuracy then means little.",
    )
    cutmix: PositiveFloat | None = Field(
        default=None,
        description="Paste a rectangle of another image of the batch, with its share of the "
        "target, drawn from Beta(a, a); 1 is usual. With mixup too, each batch gets one of them.",
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield the pairs that are upside down or not above 0."""
        for name in ("zoom_range", "brightness_range"):
            pair = getattr(self, name)
            if isinstance(pair, tuple) and not 0 < pair[0] <= pair[1]:
                yield (name,), "must be two numbers above 0, the smaller one first"
