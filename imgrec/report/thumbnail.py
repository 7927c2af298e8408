"""Pictures small enough to be part of a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 192
"""The longer side of a thumbnail, in pixels, at most."""

_TINY = 64


@dataclass(frozen=True)
class Thumbnail:
    """A small picture: a data URI, and its size in pixels; `tiny`: its pixels are to be seen."""

    uri: str
    width: int
    height: int

    @property
    def tiny(self) -> bool:
        """Whether it is enlarged on the page, without blurring it."""
        return max(self.width, self.height) <= _TINY


def thumbnail(pixels: NDArray[np.uint8]) -> Thumbnail:
    """Return uint8 pixels (height, width, 3) as WebP; tiny ones without loss."""
    height, width, _ = pixels.shape
    content = io.BytesIO()
    lossless = max(width, height) <= _TINY
    Image.fromarray(pixels).save(content, "WEBP", quality=80, lossless=lossless)
    return Thumbnail(data_uri(content.getvalue(), "webp"), width, height)


def data_uri(content: bytes, form: str) -> str:
    """Return an image file's content as an address that needs no network."""
    return f"data:image/{form};base64,{base64.b64encode(content).decode('ascii')}"
