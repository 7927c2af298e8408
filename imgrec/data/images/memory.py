"""How much memory it takes to decode an image, before it does."""

from __future__ import annotations

import math

from PIL import Image

from imgrec.data.images.budget import MEMORY_PER_PIXEL
from imgrec.data.images.files import ImageContent
from imgrec.data.images.size import check_size, is_slow, webp_size
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.errors import DataError

# Bytes of a pixel in Pillow's memory; in other modes, 4.
_STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}

# Bytes for each pixel, or each channel of one, at the peak of Pillow's `load`, with the pixels; the
# table in docs/security.md shows what was measured. Other formats only take their pixels.
_LOADING = {"WEBP": 16}
_LOADING_CHANNEL = {"AVIF": 6.5, "HEIF": 6, "JPEG2000": 8}

# How often their files are in memory meanwhile.
_COPIES = {"WEBP": 3, "AVIF": 2, "HEIF": 2, "JPEG2000": 2}


def memory_to_open(content: ImageContent, max_megapixels: int) -> int:
    """Return the bytes that are taken when a WebP is opened, which is all it ever takes; else 0.

    Raises DataError if they are too many.
    """
    if not isinstance(content, bytes) or not content.startswith(b"RIFF"):
        return 0
    size = webp_size(content)
    check_size(size, max_megapixels)
    needed = size[0] * size[1] * _LOADING["WEBP"] + len(content)
    check_decoding_memory(needed, max_megapixels, "WEBP", size)
    return needed


def memory_to_decode(
    image: Image.Image, content: ImageContent, channels: int, *, copied: bool
) -> int:
    """Return the bytes that the opened `image` takes until it is flat and upright.

    channels: of the result. copied: whether it is turned or cropped.
    """
    kind, stored, flat = image.format or "", _STORED.get(image.mode, 4), 1 if channels == 1 else 4
    loading: float = _LOADING.get(kind, stored)
    if kind in _LOADING_CHANNEL:
        loading = max(loading, _LOADING_CHANNEL[kind] * len(image.getbands()))
    elif kind in {"BMP", "PPM"} and is_slow(image):
        # Python code makes a list of bytes, copies it, and then unpacks it.
        loading = 3 * stored
    is_flat = image.mode == ("L" if channels == 1 else "RGB") and not image.has_transparency_data
    converting = stored if is_flat else stored + flat
    each = max(loading, converting, 2 * max(stored, flat) if copied else 0)
    size = len(content) if isinstance(content, bytes) else 0
    return math.ceil(image.width * image.height * each) + size * _COPIES.get(kind, 1)


def check_decoding_memory(
    needed: int, max_megapixels: int, image_format: str | None, size: tuple[int, int]
) -> None:
    """Raise DataError if an image takes more memory than its limit allows."""
    most = _most(max_megapixels)
    if needed > most:
        raise DataError(
            f"a {image_format} of {size[0]:,} x {size[1]:,} pixels takes "
            f"{math.ceil(needed / 10**6):,} MB of memory, more than {most // 10**6:,}: "
            "scale it down, or save it as a baseline JPEG"
        )


def check_file_size(size: int, max_megapixels: int) -> None:
    """Raise DataError if the bytes of a file alone are more than its image may take."""
    most = _most(max_megapixels)
    if size > most:
        raise DataError(f"larger than {most // 10**6:,} MB")


def _most(max_megapixels: int) -> int:
    return MEMORY_PER_PIXEL * max(max_megapixels, MAX_MEGAPIXELS) * 10**6
