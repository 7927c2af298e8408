"""The only resize of images for a model: each row first, then each column.

A single call of Pillow does the same up to version 12. From 13 on it begins with the columns if
that is less work, which rounds some pixels differently.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from PIL import Image

Box: TypeAlias = tuple[float, float, float, float]
"""Left, upper, right and lower, in pixels of an image."""

# Of the widest filter, Lanczos, in pixels of the larger of the two images.
_SUPPORT = 3


def resize(
    image: Image.Image, size: tuple[int, int], interpolation: str, box: Box | None = None
) -> Image.Image:
    """Return an image in L or RGB, or the part of it in `box`, resized.

    Args:
        image: The image.
        size: Width and height of the result.
        interpolation: As in `ImageSpec`.
        box: Within the image; None for all of it.
    """
    method = Image.Resampling[interpolation.upper()]
    if method is Image.Resampling.NEAREST:  # computes nothing, so it has no order
        return image.resize(size, method, box)
    left, upper, right, lower = box or (0, 0, *image.size)
    width, height = size
    # The rows that the second call reads; it clips its filter at the edges of the whole image.
    reach = math.ceil(_SUPPORT * max(1, (lower - upper) / height)) + 1
    first, last = max(0, math.floor(upper) - reach), min(image.height, math.ceil(lower) + reach)
    across = (left, 0, right, last - first)
    if last - first == image.height:
        rows = image.resize((width, image.height), method, across)
    else:
        part = image.crop((0, first, image.width, last))
        rows = Image.new(image.mode, (width, image.height))
        rows.paste(part.resize((width, part.height), method, across), (0, first))
    return rows.resize(size, method, (0, upper, width, lower))
