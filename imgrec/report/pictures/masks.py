"""Masks: which class each place of a picture shows, for other programs."""

from __future__ import annotations

import colorsys
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.report.pictures.explanation import COLOURS, GREY, rgb

_PALETTE = 256
# Hues of neighbouring classes that are far from each other.
_GOLDEN = (5**0.5 - 1) / 2


def mask_picture(answers: NDArray[np.int64], classes: int) -> bytes:
    """Return a PNG whose values are 0 for "unknown" and 1, 2, … for the classes.

    Each class has a colour in its palette, the same in every picture; with more than 255 classes,
    it is grey with 16 bits and without a palette.

    Args:
        answers: The column of the class of each place, (height, width); -1 for "unknown".
        classes: How many there are.
    """
    content = io.BytesIO()
    if classes >= _PALETTE:
        picture = Image.fromarray((answers + 1).astype(np.uint16))
    else:
        picture = Image.fromarray((answers + 1).astype(np.uint8), "P")
        picture.putpalette([*rgb(GREY), *(each for at in range(classes) for each in _colour(at))])
    picture.save(content, "PNG")
    return content.getvalue()


def mask_array(answers: NDArray[np.int64]) -> bytes:
    """Return a `.npy` file with the column of the class of each place, int32, -1 for "unknown"."""
    content = io.BytesIO()
    np.save(content, answers.astype(np.int32), allow_pickle=False)
    return content.getvalue()


def _colour(column: int) -> tuple[int, int, int]:
    if column < len(COLOURS):
        return rgb(COLOURS[column])
    red, green, blue = colorsys.hsv_to_rgb(column * _GOLDEN % 1, 0.6, 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)
