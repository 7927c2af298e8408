"""What may be done to a training image beside ImageDataGenerator's transforms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Of "Random Erasing Data Augmentation" (Zhong et al., 2017); the area's upper end is half of
# theirs, so that a small object is seldom gone.
AREA = (0.02, 0.2)
ASPECT = (0.3, 1 / 0.3)

_ATTEMPTS = 10


@dataclass(frozen=True)
class Rectangle:
    """Part of an image, in pixels, and the seed of the noise that goes there."""

    top: int
    left: int
    height: int
    width: int
    seed: int


def blurred(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the image (height, width, channels) after a Gaussian blur of `sigma` pixels.

    Beyond its edge an image goes on as its outermost pixels.
    """
    from scipy.ndimage import gaussian_filter

    found: NDArray[np.float32] = gaussian_filter(image, sigma, mode="nearest", axes=(0, 1))
    return found


def random_rectangle(size: tuple[int, ...], generator: np.random.Generator) -> Rectangle | None:
    """Return a rectangle inside an image of `size` (height, width).

    Its share of the image is uniform in AREA, its height over its width log-uniform in ASPECT.
    None where the image is too small or narrow for one.
    """
    height, width = size
    for _ in range(_ATTEMPTS):
        area = generator.uniform(*AREA) * height * width
        aspect = np.exp(generator.uniform(*np.log(ASPECT)))
        tall, wide = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 1 <= tall <= height and 1 <= wide <= width:
            top, left = generator.integers(height - tall + 1), generator.integers(width - wide + 1)
            return Rectangle(int(top), int(left), tall, wide, int(generator.integers(2**32)))
    return None


def erased(image: NDArray[np.float32], rectangle: Rectangle) -> NDArray[np.float32]:
    """Return the image (height, width, channels) with noise of 0 to 255 in the rectangle."""
    found = image.copy()
    top, left = rectangle.top, rectangle.left
    part = found[top : top + rectangle.height, left : left + rectangle.width]
    part[...] = np.random.default_rng(rectangle.seed).integers(0, 256, part.shape)
    return found
