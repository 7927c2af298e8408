"""The suffixes of image files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

FORMAT_OF_SUFFIX: Mapping[str, str] = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".pbm": "PPM",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".pnm": "PPM",
    ".avif": "AVIF",
    ".heic": "HEIC",
    ".heif": "HEIC",
    ".jp2": "JPEG2000",
    ".j2k": "JPEG2000",
    ".jpx": "JPEG2000",
}
"""The format, as Pillow calls it, that a suffix in small letters promises."""


def format_of(name: str) -> str | None:
    """Return the format that the suffix of a file's name promises, None if it promises none.

    Example:
        >>> format_of("cat.JPG"), format_of("notes.txt")
        ('JPEG', None)
    """
    return FORMAT_OF_SUFFIX.get(PurePath(name).suffix.lower())
