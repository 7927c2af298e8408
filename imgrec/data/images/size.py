"""How large an image may be."""

from __future__ import annotations

import math

from PIL import Image

from imgrec.errors import DataError

MAX_SIDE = 65_535
"""The longest side in pixels, as in a JPEG: some steps take memory for each row or column."""

MAX_METADATA = 16 << 20
"""Bytes of EXIF, colour profile, comments and texts that an image may have."""


MAX_SLOW = 16 * 10**6
"""Bytes and pixels that an image may have if its decoder is written in Python."""

_SLOW = {"bmp_rle", "ppm", "ppm_plain"}
_MAX_COMMENTS = 1000


def decoder_of(image: Image.Image) -> str:
    """Return the name of Pillow's decoder for an opened image, empty if it has none."""
    tiles = getattr(image, "tile", None)
    return tiles[0][0] if tiles else ""


def is_slow(image: Image.Image) -> bool:
    """Return whether an opened image is decoded by Python code."""
    return decoder_of(image) in _SLOW


def check_slow(image: Image.Image, content: bytes) -> None:
    """Raise DataError if an image that is decoded by Python code would take a minute for it."""
    found = max(len(content), image.width * image.height)
    if found > MAX_SLOW:
        raise DataError(
            f"{found / 10**6:,.0f} MB of a form that takes long to decode (BMP with run lengths, "
            f"PPM as text or of other than 256 values), more than {MAX_SLOW // 10**6}: "
            "save it as PNG"
        )
    # In text, each takes a copy of what follows.
    if decoder_of(image) == "ppm_plain" and (comments := content.count(b"#")) > _MAX_COMMENTS:
        raise DataError(f"a PPM of {comments:,} comments, more than {_MAX_COMMENTS:,}")


def check_size(size: tuple[int, int], max_megapixels: int, remark: str = "") -> None:
    """Raise DataError if `size` (width, height) is more than `max_megapixels`, or too long.

    remark: what the message about the pixels ends with.
    """
    width, height = size
    pixels = width * height
    if pixels > max_megapixels * 10**6:
        raise DataError(
            f"{math.ceil(pixels / 10**6):,} megapixels, more than the {max_megapixels:,} "
            f"of data.max_megapixels{remark}"
        )
    if max(size) > MAX_SIDE:
        raise DataError(f"{width:,} x {height:,} pixels, more than {MAX_SIDE:,} on a side")


def check_metadata(image: Image.Image) -> None:
    """Raise DataError if what an opened `image` has beside its pixels is too large."""
    found = sum(len(value) for value in image.info.values() if isinstance(value, bytes | str))
    if found > MAX_METADATA:
        raise DataError(
            f"{found >> 20:,} MiB of metadata (EXIF, profile, texts), more than "
            f"{MAX_METADATA >> 20}: save the image without them"
        )


def webp_size(head: bytes) -> tuple[int, int]:
    """Return the width and height that the WebP file beginning with `head` claims, (0, 0) if none.

    Pillow takes memory for all of it already when it opens the file.
    """
    kind, data = head[12:16], head[20:30].ljust(10, b"\0")
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return 0, 0
    if kind == b"VP8X":
        return _number(data[4:7]) + 1, _number(data[7:10]) + 1
    if kind == b"VP8L":
        bits = _number(data[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _number(data[6:8]) & 0x3FFF, _number(data[8:10]) & 0x3FFF


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
