"""The suffixes of image files."""

from __future__ import annotations

import re
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

_SUFFIX = re.compile(r"\w.*\.[A-Za-z][A-Za-z0-9]{0,4}")
_FORMAT_OF = {suffix: form for form, suffixes in SUFFIXES.items() for suffix in suffixes}


def format_of(name: str) -> str | None:
    """Return the format that the suffix of a file's name promises, None if it promises none.

    Example:
        >>> format_of("cat.JPG"), format_of("notes.txt")
        ('JPEG', None)
    """
    return _FORMAT_OF.get(name.rpartition(".")[2].lower())


def is_misnamed(name: str, form: str) -> bool:
    """Return whether a file's suffix is not one of the format `form`, of an image, that it has.

    A number after the dot is not a suffix, nor is a long word.

    Example:
        >>> [is_misnamed(name, "JPEG") for name in ("cat.txt", "cat.png", "cat.jpeg", "cat")]
        [True, True, False, False]
    """
    if (named := format_of(name)) is not None:
        return named != form and form in SUFFIXES
    return form in {*SUFFIXES, "MPO"} and _SUFFIX.fullmatch(name.rpartition("/")[2]) is not None
