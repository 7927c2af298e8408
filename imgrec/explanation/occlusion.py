"""Occlusion sensitivity: how the answer changes when a patch of a picture is covered.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014. It works with any
model, as it only uses the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product

import numpy as np
from numpy.typing import NDArray

from imgrec.runtime.engine import Engine
from imgrec.runtime.score import answers_in_batches

PATCHES = 9
"""The number of positions of the patch along each side."""

_TINY = 1e-7


def occlusion(
    engine: Engine, pixels: NDArray[np.uint8], column: int, patches: int = PATCHES
) -> NDArray[np.float32]:
    """Return how much the model needs each pixel for a class, float32 (height, width), 0 to 1.

    A patch of the picture's mean colour covers `patches` x `patches` places, each overlapping the
    next by half. A pixel has the mean fall of the class's log-odds over the patches that cover it,
    divided by the largest such mean; log-odds change even if the model is very sure. The result is
    0 everywhere if no patch lowers them.

    Args:
        engine: The model.
        pixels: The input of the model, uint8 (height, width, channels).
        column: The column of the class.
        patches: The number of positions along each side.
    """
    places = list(_places(pixels.shape[:2], patches))
    answers = answers_in_batches(engine, chain([pixels], _covered(pixels, places)))
    odds = _log_odds(answers.probabilities[:, column].astype(np.float64))
    total, count = (np.zeros(pixels.shape[:2], np.float64) for _ in range(2))
    for fall, (rows, columns) in zip(odds[0] - odds[1:], places, strict=True):
        total[rows, columns] += fall
        count[rows, columns] += 1
    heat = (total / count).clip(0)
    return np.asarray(heat / max(heat.max(), _TINY), np.float32)


def _places(size: tuple[int, ...], patches: int) -> Iterator[tuple[slice, slice]]:
    yield from product(*(_along(side, patches) for side in size))


def _along(side: int, patches: int) -> list[slice]:
    """Return stretches of one length over all of a side, each half over the next."""
    length = -(-2 * side // (patches + 1))
    starts = np.linspace(0, side - length, min(patches, side - length + 1)).round().astype(int)
    return [slice(start, start + length) for start in starts.tolist()]


def _covered(
    pixels: NDArray[np.uint8], places: Sequence[tuple[slice, slice]]
) -> Iterator[NDArray[np.uint8]]:
    colour = pixels.mean(axis=(0, 1)).round().astype(np.uint8)
    for rows, columns in places:
        image = pixels.copy()
        image[rows, columns] = colour
        yield image


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = probabilities.clip(_TINY, 1 - _TINY)
    return np.asarray(np.log(clipped / (1 - clipped)))
