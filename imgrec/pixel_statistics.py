"""What the training images are like on the whole: numbers that become part of the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of the training images, in pixel values of 0 to 255.

    Both hold one number per channel, over every image, row and column.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
