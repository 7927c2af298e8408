"""Boxes around the hot regions of a heat map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imgrec.explanation.values import Area, Heat

# Of the values that are looked at along the picture's longer side.
_SIDE = 256
_SMALLEST = 0.005


def regions(
    heat: Heat, size: tuple[int, int], level: float, smallest: float = _SMALLEST
) -> tuple[Area, ...]:
    """Return a box around each connected region of at least `level`, the largest first.

    Zhou et al., "Learning Deep Features for Discriminative Localization", 2016.

    Args:
        heat: The heat map.
        size: (width, height) of the picture.
        level: The lowest heat of a region.
        smallest: The smallest share of the picture that a region covers.
    """
    scale = _SIDE / max(size)
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    hot = heat.over(size, small) >= level
    found = sorted(_connected(hot), key=lambda each: -each[0])
    across, down = size[0] / small[0], size[1] / small[1]
    return tuple(
        Area(left * across, top * down, right * across, bottom * down)
        for share, (left, top, right, bottom) in found
        if share >= smallest
    )


def _connected(hot: NDArray[np.bool_]) -> Iterator[tuple[float, Area]]:
    """Yield the share of each connected region, and the box around it, in cells."""
    from scipy import ndimage

    labels, count = ndimage.label(hot)
    counts = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    for pixels, (rows, columns) in zip(counts, ndimage.find_objects(labels), strict=True):
        yield pixels / hot.size, Area(columns.start, rows.start, columns.stop, rows.stop)
