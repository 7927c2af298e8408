"""Letters on pictures."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageFont

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont


@functools.cache
def font(points: int) -> FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and has more scripts than Pillow's own."""
    found = importlib.util.find_spec("matplotlib")
    folders = (found and found.submodule_search_locations) or []
    path = Path(*folders[:1], "mpl-data/fonts/ttf/DejaVuSans.ttf")
    return ImageFont.truetype(path, points)


def cut(text: str, width: float, letters: FreeTypeFont) -> str:
    """Return the text, its end left out where it is wider than `width` pixels."""
    if letters.getlength(text) <= width:
        return text
    ends = range(len(text), 0, -1)
    kept = next((end for end in ends if letters.getlength(text[:end] + "…") <= width), 0)
    return text[:kept] + "…"
