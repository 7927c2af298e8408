"""The suffixes of image files."""

from __future__ import annotations

from collections.abc import Mapping

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "jif", "mpo"),
    "PNG": ("png", "apng"),
    "GIF": ("gif",),
    "BMP": ("bmp", "dib"),
    "WEBP": ("webp",),
    "TIFF": ("tif", "tiff"),
    "PPM": ("ppm", "pgm", "pbm", "pnm", "pfm"),
    "AVIF": ("avif", "avifs"),
    "JPEG2000": ("jp2", "j2k", "jpc", "jpf", "jpx", "j2c"),
    "HEIF": ("heic", "heif", "hif", "heics", "heifs"),
}
"""The suffixes of each format, which has the name that Pillow uses."""

_FORMAT_OF = {suffix: form for form, suffixes in SUFFIXES.items() for suffix in suffixes}


def format_of(name: str) -> str | None:
    """Return the format that the suffix of a file's name promises, None if it promises none.

    Example:
        >>> format_of("cat.JPG"), format_of("notes.txt")
        ('JPEG', None)
    """
    return _FORMAT_OF.get(name.rpartition(".")[2].lower())
