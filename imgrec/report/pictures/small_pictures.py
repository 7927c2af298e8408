"""Thumbnails and contact sheets, and the letters on them."""

from __future__ import annotations

import base64
import functools
import importlib.util
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imgrec.report.charts import LIGHT
from imgrec.text import shorten_names

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont


@functools.cache
def load_font(points: int) -> FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and has more scripts than Pillow's font."""
    found = importlib.util.find_spec("matplotlib")
    folders = (found and found.submodule_search_locations) or []
    path = Path(*folders[:1], "mpl-data/fonts/ttf/DejaVuSans.ttf")
    return ImageFont.truetype(path, points)


THUMBNAIL_SIDE = 192
"""The longer side of a thumbnail, in pixels, at most."""

_TINY = 64


@dataclass(frozen=True)
class Thumbnail:
    """A small image: a data URI and its size in pixels."""

    uri: str
    width: int
    height: int

    @property
    def tiny(self) -> bool:
        """Whether it is enlarged on the page, without interpolation."""
        return max(self.width, self.height) <= _TINY


def thumbnail(pixels: NDArray[np.uint8]) -> Thumbnail:
    """Return uint8 pixels (height, width, 3) as WebP; lossless if tiny."""
    height, width, _ = pixels.shape
    content = io.BytesIO()
    lossless = max(width, height) <= _TINY
    Image.fromarray(pixels).save(content, "WEBP", quality=80, lossless=lossless)
    return Thumbnail(data_uri(content.getvalue(), "webp"), width, height)


def data_uri(content: bytes, form: str) -> str:
    """Return the content of an image file as a data URI."""
    return f"data:image/{form};base64,{base64.b64encode(content).decode('ascii')}"


# In pixels: the longer side of an image, the gap between two, and the line below each.
_SIDE, _GAP, _LINE, _POINTS = 160, 8, 18, 12


def contact_sheet(
    images: NDArray[np.uint8], captions: Sequence[str], *, together: int = 1
) -> bytes:
    """Return a PNG of the images (n, height, width, 1 or 3) in rows, with captions.

    Small images are enlarged without interpolation, large ones are reduced. A caption that is too
    long is shortened. Each `together` consecutive images are in the same row.
    """
    size = _fitted(*images.shape[1:3])
    cell_width, cell_height = size[0] + _GAP, size[1] + _LINE + _GAP
    wanted = min(len(images), round(math.sqrt(len(images) * 1.5) / together) * together)
    columns = max(together, wanted)
    rows = -(-len(images) // columns)
    extent = (columns * cell_width + _GAP, rows * cell_height + _GAP)
    sheet = Image.new("RGB", extent, LIGHT.paper)
    draw, letters = ImageDraw.Draw(sheet), load_font(_POINTS)
    texts = shorten_names(captions, size[0], letters.getlength)
    for number, (pixels, text) in enumerate(zip(images, texts, strict=True)):
        row, column = divmod(number, columns)
        left, top = _GAP + column * cell_width, _GAP + row * cell_height
        sheet.paste(_enlarged(pixels, size), (left, top))
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
