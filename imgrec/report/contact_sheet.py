"""Many images on one picture, each over its caption."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imgrec.report.font import cut, font
from imgrec.report.look import LIGHT
from imgrec.text import shown

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
    draw, letters = ImageDraw.Draw(sheet), font(_POINTS)
    for number, (pixels, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, columns)
        left, top = _GAP + column * cell_width, _GAP + row * cell_height
        sheet.paste(_enlarged(pixels, size), (left, top))
        text = cut(shown(caption), size[0], letters)
        draw.text((left, top + size[1] + 2), text, LIGHT.ink, letters)
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
