"""JPEG: at which fraction of its size it is decoded, and what its segments may take."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import takewhile
from mmap import mmap
from typing import IO, TypeAlias

from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile, jpeg_factory

from imgrec.data.images.size import check_size
from imgrec.errors import DataError

MAX_SCANS = 100
"""How many scans a JPEG may have; libtiff has the same limit. Programs write about 10."""

MAX_EXIF = 1 << 20
"""Bytes of EXIF that a JPEG may have. Pillow takes 50 times as many to read numbers in it."""

_Content: TypeAlias = "bytes | mmap"

_FRACTIONS = (1, 2, 4, 8)
_EXIF, _SCAN, _END = 0xE1, 0xDA, 0xD9
_SCAN_MARKER = 0xFF00 | _SCAN
# Of segments, and the end. Inside a scan, 0xFF is followed by 0 or the number of a restart.
_MARKER = re.compile(rb"\xff([\xc0-\xc7\xc9-\xcf\xd9-\xef\xfe])")
_COEFFICIENT = 2  # bytes


def is_jpeg(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a JPEG."""
    return head.startswith(b"\xff\xd8\xff")


def open_jpeg(file: IO[bytes]) -> Image.Image:
    """Return the image in a JPEG file; only its header is read.

    `Image.open` does the same, after it has imported the code of four other formats.

    Raises:
        UnidentifiedImageError: The header can't be read.
    """
    try:
        return jpeg_factory(file)
    except (SyntaxError, IndexError, TypeError, struct.error) as error:
        raise UnidentifiedImageError from error


def check_exif(content: _Content) -> None:
    """Raise DataError if a JPEG has more than `MAX_EXIF`."""
    header = takewhile(lambda segment: segment[0] != _SCAN, _segments(content))
    found = sum(
        int.from_bytes(content[at + 2 : at + 4], "big")
        for marker, at in header
        if marker == _EXIF and content[at + 4 : at + 8] == b"Exif"
    )
    if found > MAX_EXIF:
        raise DataError(
            f"{found >> 10:,} KiB of EXIF, more than {MAX_EXIF >> 10:,}: save the image without it"
        )


def reduce_jpeg(
    image: JpegImageFile, content: _Content, wanted: tuple[int, int], max_megapixels: int
) -> int:
    """Let `image` be loaded at a half, a quarter or an eighth of its size, if that is enough.

    At the smallest fraction that leaves the size `wanted` (width, height), or at a smaller one if
    that has more than `max_megapixels`.

    Args:
        image: Opened, not loaded.
        content: Of its file.
        wanted: Width and height.
        max_megapixels: As in ImageSpec.

    Returns:
        How many bytes libjpeg keeps beside the pixels while it loads the image.

    Raises:
        DataError: Loading it would take more than `max_megapixels` nevertheless, or it has too
            many scans.
    """
    most, (width, height) = max_megapixels * 10**6, image.size
    kept = 0
    if not _has_one_scan(image, content):
        check_size(image.size, max_megapixels, "; a progressive JPEG is decoded in full")
        _check_scans(content)
        kept = _coefficients(image) * _COEFFICIENT
    fraction = next((by for by in _FRACTIONS if width * height <= most * by * by), 8)
    image.draft(None, (min(wanted[0], width // fraction), min(wanted[1], height // fraction)))
    check_size(image.size, max_megapixels)
    return kept


def _has_one_scan(image: JpegImageFile, content: _Content) -> bool:
    """Return whether a JPEG is decoded strip by strip: libjpeg keeps all of several scans."""
    if image.info.get("progressive"):
        return False
    header = struct.pack(">HHB", _SCAN_MARKER, 6 + 2 * image.layers, image.layers)
    # Pillow stops behind the header of the first scan.
    start = image.fp.tell() - len(header) - 2 * image.layers - 3 if image.fp else 0
    if content[start : start + len(header)] == header:
        return True
    scan = next((at for marker, at in _segments(content) if marker == _SCAN), None)
    return scan is not None and content[scan + 4 : scan + 5] == bytes([image.layers])


def _check_scans(content: _Content) -> None:
    found = takewhile(lambda segment: segment[0] != _END, _segments(content))
    scans = sum(marker == _SCAN for marker, _ in found)
    if scans > MAX_SCANS:
        raise DataError(f"a JPEG of {scans:,} scans, more than {MAX_SCANS}: save it again")


def _segments(content: _Content) -> Iterator[tuple[int, int]]:
    """Yield the marker and the start of each segment, and of the ends of images."""
    position = 2
    while found := _MARKER.search(content, position):
        marker, start = found[1][0], found.start()
        yield marker, start
        length = int.from_bytes(content[start + 2 : start + 4], "big")
        position = start + 2 + (0 if marker == _END else length)


def _coefficients(image: JpegImageFile) -> int:
    """Return how many numbers a JPEG has; some channels have fewer of them than pixels."""
    across = max(*(horizontal for _, horizontal, _, _ in image.layer), 1)
    down = max(*(vertical for _, _, vertical, _ in image.layer), 1)
    width, height = image.size
    return sum(
        -(-width * horizontal // across) * -(-height * vertical // down)
        for _, horizontal, vertical, _ in image.layer
    )
