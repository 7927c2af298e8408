"""How large an image may be: what is decoded at once is limited, and so is the memory for it."""

from __future__ import annotations

import io
import math

from PIL.JpegImagePlugin import JpegImageFile

from imgrec.errors import DataError

_FRACTIONS = (1, 2, 4, 8)
_SCAN = 0xDA


def check_size(size: tuple[int, int], max_megapixels: int, remark: str = "") -> None:
    """Raise DataError if `size` (width, height) is more than `max_megapixels`.

    remark: what the message ends with.
    """
    pixels = size[0] * size[1]
    if pixels > max_megapixels * 10**6:
        raise DataError(
            f"{math.ceil(pixels / 10**6):,} megapixels, more than the {max_megapixels:,} "
            f"of data.max_megapixels{remark}"
        )


def reduce_jpeg(image: JpegImageFile, wanted: tuple[int, int], max_megapixels: int) -> None:
    """Let `image` be loaded at a half, a quarter or an eighth of its size, if that is enough.

    At the smallest fraction that leaves the size `wanted` (width, height), or at a smaller one if
    that has more than `max_megapixels`.

    Raises DataError if loading it would take more than `max_megapixels` nevertheless.
    """
    most, (width, height) = max_megapixels * 10**6, image.size
    if width * height > most and not _has_one_scan(image):
        check_size(image.size, max_megapixels, "; a progressive JPEG is decoded in full")
    fraction = next((by for by in _FRACTIONS if width * height <= most * by * by), 8)
    image.draft(None, (min(wanted[0], width // fraction), min(wanted[1], height // fraction)))
    check_size(image.size, max_megapixels)


def _has_one_scan(image: JpegImageFile) -> bool:
    """Return whether a JPEG is decoded strip by strip: libjpeg keeps all of several scans."""
    file = image.fp
    if file is None or image.info.get("progressive"):
        return False
    file.seek(2)
    while True:
        segment = file.read(4)
        if segment[:1] != b"\xff" or len(segment) < 4:
            return False
        if segment[1] == _SCAN:
            return file.read(1) == bytes([image.layers])
        file.seek(int.from_bytes(segment[2:], "big") - 2, io.SEEK_CUR)
