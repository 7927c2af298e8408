"""Statistics of the training images, which become part of the model."""

from __future__ import annotations

from msgspec import Struct


class PixelStatistics(Struct, frozen=True):
    """Mean and standard deviation of the training images, in pixel values from 0 to 255.

    Both have one number per channel, over all images, rows and columns.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
