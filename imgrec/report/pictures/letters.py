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
def load_font(points: int) -> FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and has more scripts than Pillow's font."""
    found = importlib.util.find_spec("matplotlib")
    folders = (found and found.submodule_search_locations) or []
    path = Path(*folders[:1], "mpl-data/fonts/ttf/DejaVuSans.ttf")
    return ImageFont.truetype(path, points)


def shorten_to_width(text: str, width: float, letters: FreeTypeFont) -> str:
    """Return the text, shortened at the end to at most `width` pixels."""
    if letters.getlength(text) <= width:
        return text
    ends = range(len(text), 0, -1)
    kept = next((end for end in ends if letters.getlength(text[:end] + "…") <= width), 0)
    return text[:kept] + "…"
