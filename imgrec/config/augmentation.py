"""Section `augmentation` of a config: random changes to training images, and what each does.

ImageDataGenerator's transform comes first, then OPERATIONS, each on single images, then
one of MIXINGS on the whole batch. Each draws from a random stream named after it, so that a new
one changes nothing that was drawn before it existed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FOR_EVERY_IMAGE = "it applies to every image, not only in training"
_FIXED = "can't be set: "

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

    @property
    def transform_arguments(self) -> dict[str, Any]:
        """What ImageDataGenerator is to be made with."""
        others = {key for each in (*OPERATIONS, *MIXINGS) for key in each.keys}
        return self.model_dump(exclude={"engine", *others})


@dataclass(frozen=True)
class Operation:
    """A random change to one training image.

    Args:
        name: Names the random stream that `draw` gets.
        keys: The keys of `augmentation` that control it; all at their defaults, it does nothing.
        draw: From the section, a generator and the image's size (height, width) to what `apply`
            is to do, or None if this image stays as it is.
        apply: From an image, float32 (height, width, channels) of 0 to 255, and what was drawn to
            the changed image.
    """

    name: str
    keys: tuple[str, ...]
    draw: Callable[[Augmentation, np.random.Generator, tuple[int, int]], Any]
    apply: Callable[[NDArray[np.float32], Any], NDArray[np.float32]]


class Mixture(NamedTuple):
    """A batch of images, each mixed with a partner.

    images: float32 (n, height, width, channels). partners: int64 (n,), whom each was mixed with.
    fractions: float32 (n,), how much of each image is its own, 0 to 1.
    """

    images: NDArray[np.float32]
    partners: NDArray[np.int64]
    fractions: NDArray[np.float32]


@dataclass(frozen=True)
class Mixing:
    """A random mixture of the images of a batch, and so of their targets.

    Args:
        name: Names the random stream that `mix` gets, and the key of `augmentation` that asks for
            it and holds its strength.
        mix: From images, float32 (n, height, width, channels), that strength and a generator to
            the mixture.
    """

    name: str
    mix: Callable[[NDArray[np.float32], float, np.random.Generator], Mixture]

    @property
    def keys(self) -> tuple[str, ...]:
        """Its key."""
        return (self.name,)


def enabled(operation: Operation | Mixing, augmentation: Augmentation) -> bool:
    """Return whether any of the operation's keys has another value than its default."""
    fields = type(augmentation).model_fields
    return any(getattr(augmentation, key) != fields[key].default for key in operation.keys)


def _draw_blur(
    augmentation: Augmentation, random: np.random.Generator, _: tuple[int, int]
) -> float | None:
    sigma, chance = random.uniform(0, augmentation.blur_sigma), random.random()
    return sigma if chance < augmentation.blur_probability else None


def blur(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the image after a Gaussian blur of `sigma` pixels; its edge continues outside."""
    from scipy.ndimage import gaussian_filter

    blurred: NDArray[np.float32] = gaussian_filter(image, sigma, mode="nearest", axes=(0, 1))
    return blurred


# Of "Random Erasing Data Augmentation" (Zhong et al., 2017); the area's upper end is half of
# theirs, so that a small object rarely disappears.
AREA = (0.02, 0.2)
ASPECT = (0.3, 1 / 0.3)

_ATTEMPTS = 10


class Rectangle(NamedTuple):
    """Part of an image, in pixels, and the seed of the noise that fills it."""

    top: int
    left: int
    height: int
    width: int
    seed: int


def _draw_erasing(
    augmentation: Augmentation, random: np.random.Generator, size: tuple[int, int]
) -> Rectangle | None:
    erasing = random.random() < augmentation.random_erasing
    return draw_rectangle(size, random) if erasing else None


def draw_rectangle(size: tuple[int, int], random: np.random.Generator) -> Rectangle | None:
    """Return a rectangle inside an image of `size` (height, width).

    Its fraction of the image is uniform in AREA, its height over its width log-uniform in ASPECT.
    None if the image is too small or narrow for one.
    """
    import numpy as np

    height, width = size
    for _ in range(_ATTEMPTS):
        area = random.uniform(*AREA) * height * width
        aspect = np.exp(random.uniform(*np.log(ASPECT)))
        tall, wide = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 1 <= tall <= height and 1 <= wide <= width:
            top, left = random.integers(height - tall + 1), random.integers(width - wide + 1)
            return Rectangle(int(top), int(left), tall, wide, int(random.integers(2**32)))
    return None


def erase(image: NDArray[np.float32], rectangle: Rectangle) -> NDArray[np.float32]:
    """Return the image with noise of 0 to 255 in the rectangle."""
    import numpy as np

    erased = image.copy()
    top, left, height, width, seed = rectangle
    part = erased[top : top + height, left : left + width]
    part[...] = np.random.default_rng(seed).integers(0, 256, part.shape)
    return erased


def mixup(images: NDArray[np.float32], alpha: float, random: np.random.Generator) -> Mixture:
    """Blend each image with another of the batch ("mixup", Zhang et al., 2017).

    How much of an image is its own is drawn from Beta(alpha, alpha).
    """
    partners, fractions = _draw_partners(len(images), alpha, random)
    return Mixture(blend(images, partners, fractions), partners, fractions)


def cutmix(images: NDArray[np.float32], alpha: float, random: np.random.Generator) -> Mixture:
    """Paste a rectangle of another image of the batch into each ("CutMix", Yun et al., 2019).

    The rectangle's fraction is drawn from Beta(alpha, alpha) and its middle from the whole image.
    """
    import numpy as np

    partners, fractions = _draw_partners(len(images), alpha, random)
    height, width = images.shape[1:3]
    mixed = images.copy()
    for index, partner in enumerate(partners):
        side = np.sqrt(1 - fractions[index])
        down, across = _stretch(height, side, random), _stretch(width, side, random)
        mixed[index, down, across] = images[partner, down, across]
        pasted = (down.stop - down.start) * (across.stop - across.start)
        fractions[index] = 1 - pasted / (height * width)
    return Mixture(mixed, partners, fractions)


def blend(
    values: NDArray[np.float32], partners: NDArray[np.int64], fractions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return `fractions` of each row of `values` plus the rest of its partner's."""
    own = fractions.reshape(-1, *[1] * (values.ndim - 1))
    return values * own + values[partners] * (1 - own)


def _draw_partners(
    count: int, alpha: float, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    import numpy as np

    partners = random.permutation(count)
    return partners, random.beta(alpha, alpha, count).astype(np.float32)


def _stretch(length: int, fraction: float, random: np.random.Generator) -> slice:
    """Return a stretch of `fraction` of `length`, clipped to it."""
    half = fraction * length / 2
    middle = random.uniform(0, length)
    return slice(max(0, round(middle - half)), min(length, round(middle + half)))


OPERATIONS = (
    Operation("blur", ("blur_sigma", "blur_probability"), _draw_blur, blur),
    Operation("random_erasing", ("random_erasing",), _draw_erasing, erase),
)

MIXINGS = (
    Mixing("mixup", mixup),
    Mixing("cutmix", cutmix),
)
