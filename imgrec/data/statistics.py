"""Mean and standard deviation of images, in one pass that holds one batch at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.statistics import Statistics


@dataclass(frozen=True)
class Measurement:
    """What was measured: numbers per channel, and the mean of all images as an image.

    mean_image: float64 (height, width, channels), 0 to 255.
    """

    statistics: Statistics
    mean_image: NDArray[np.float64]


def measure(batches: Iterable[NDArray[np.uint8]]) -> Measurement:
    """Return the statistics of batches of pixels, (batch, height, width, channels), all one size.

    Sums are kept in whole numbers, so that the result is the same for the same images, whatever
    their order and batches. Raises ValueError where there is no image.
    """
    images = 0
    total: NDArray[np.uint64] = np.zeros(1, np.uint64)
    squares: NDArray[np.uint64] = np.zeros(1, np.uint64)
    for batch in batches:
        images += len(batch)
        total = total + batch.sum(axis=0, dtype=np.uint64)
        squared = np.square(batch, dtype=np.uint16)
        squares = squares + squared.sum(axis=(0, 1, 2), dtype=np.uint64)
    if not images:
        raise ValueError("there is no image to measure")
    count = images * total.shape[0] * total.shape[1]
    numbers = [
        _mean_and_std(count, int(channel_sum), int(channel_squares))
        for channel_sum, channel_squares in zip(total.sum(axis=(0, 1)), squares, strict=True)
    ]
    mean, std = zip(*numbers, strict=True)
    return Measurement(Statistics(mean, std), total / images)


def _mean_and_std(count: int, total: int, squares: int) -> tuple[float, float]:
    # Python's integers: nothing is lost where mean and mean square are close.
    return total / count, math.sqrt((count * squares - total * total) / (count * count))
