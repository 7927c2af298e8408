"""How much memory it takes to decode an image, before it does."""

from __future__ import annotations

import math

from PIL import Image

from imgrec.data.images.budget import MEMORY_PER_PIXEL
from imgrec.data.images.files import ImageContent
from imgrec.data.images.size import check_size, is_slow, webp_size
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.errors import DataError

# Bytes for each pixel, or each channel of one, at the peak of Pillow's `load`, with the pixels; the
# table in docs/security.md shows what was measured. Other formats only take their pixels.
_LOADING = {"WEBP": 16}
_LOADING_CHANNEL = {"AVIF": 6.5, "HEIF": 6, "JPEG2000": 8}

# How often their files are in memory meanwhile.
_COPIES = {"WEBP": 3, "AVIF": 2, "HEIF": 2, "JPEG2000": 2}


def memory_to_open(content: ImageContent, max_megapixels: int) -> int:
    """Return the bytes that are taken when the image is opened: by WebP, nearly all it ever takes.

    Raises DataError if they are too many.
    """
    if not isinstance(content, bytes):
        return 0
    size = webp_size(content)
    check_size(size, max_megapixels)
    needed = size[0] * size[1] * _LOADING["WEBP"] + len(content)
    check_memory(needed, max_megapixels, f"a WEBP of {size[0]:,} x {size[1]:,} pixels")
    return needed


def memory_to_decode(
    image: Image.Image, content: ImageContent, channels: int, *, copied: bool
) -> int:
    """Return the bytes that the opened `image` takes until it is flat and upright.

    channels: of the result. copied: whether it is turned or cropped.
    """
    stored, flat = _stored(image.mode), 1 if channels == 1 else 4
    in_c = _LOADING.get(image.format or "", stored)
    by_channel = _LOADING_CHANNEL.get(image.format or "", 0) * len(image.getbands())
    # Python code makes a list of bytes, copies it, and then unpacks it.
    loading = 3 * stored if is_slow(image) else max(in_c, by_channel)
    each = max(loading, stored + flat, 2 * max(stored, flat) if copied else 0)
    size = len(content) if isinstance(content, bytes) else 0
    return math.ceil(image.width * image.height * each) + size * _COPIES.get(image.format or "", 1)


def check_memory(needed: int, max_megapixels: int, what: str) -> None:
    """Raise DataError if an image takes more memory than its limit allows."""
    most = MEMORY_PER_PIXEL * max(max_megapixels, MAX_MEGAPIXELS) * 10**6
    if needed > most:
        raise DataError(
            f"{what} takes {math.ceil(needed / 10**6):,} MB of memory, more than "
            f"{most // 10**6:,}: scale it down, or save it as a baseline JPEG"
        )


def _stored(mode: str) -> int:
    """Return the bytes of a pixel in Pillow's memory."""
    if mode in {"1", "L", "P"}:
        return 1
    return 2 if mode.startswith("I;16") else 4
