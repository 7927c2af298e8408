"""Many images on one picture, each over its caption."""

from __future__ import annotations

import importlib.util
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imgrec.report.look import LIGHT
from imgrec.text import shown

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

# In pixels: the longer side of an image, the gap between two, and the line below each.
_SIDE, _GAP, _LINE, _POINTS = 160, 8, 18, 12


def contact_sheet(images: NDArray[np.uint8], captions: Sequence[str]) -> bytes:
    """Return a PNG of the images (n, height, width, 1 or 3) in rows, n captions below them.

    Small images are enlarged without blurring them, large ones reduced. A caption that is too
    long for its image is cut.
    """
    size = _fitted(*images.shape[1:3])
    cell_width, cell_height = size[0] + _GAP, size[1] + _LINE + _GAP
    columns = max(1, min(len(images), round(math.sqrt(len(images) * 1.5))))
    rows = -(-len(images) // columns)
    extent = (columns * cell_width + _GAP, rows * cell_height + _GAP)
    sheet = Image.new("RGB", extent, LIGHT.paper)
    draw, font = ImageDraw.Draw(sheet), _font()
    for number, (pixels, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, columns)
        left, top = _GAP + column * cell_width, _GAP + row * cell_height
        sheet.paste(_enlarged(pixels, size), (left, top))
        text = _cut(shown(caption), size[0], font)
        draw.text((left, top + size[1] + 2), text, LIGHT.ink, font)
    content = io.BytesIO()
    sheet.save(content, "PNG")
    return content.getvalue()


def _fitted(height: int, width: int) -> tuple[int, int]:
    scale = _SIDE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _enlarged(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    larger = size[0] >= image.width
    return image.resize(size, Image.Resampling.NEAREST if larger else Image.Resampling.BILINEAR)


def _cut(text: str, width: int, font: FreeTypeFont) -> str:
    if font.getlength(text) <= width:
        return text
    kept = next((n for n in range(len(text), 0, -1) if font.getlength(text[:n] + "…") <= width), 0)
    return text[:kept] + "…"


def _font() -> FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and has more scripts than Pillow's own."""
    found = importlib.util.find_spec("matplotlib")
    folders = (found and found.submodule_search_locations) or []
    path = Path(*folders[:1], "mpl-data/fonts/ttf/DejaVuSans.ttf")
    return ImageFont.truetype(path, _POINTS)
