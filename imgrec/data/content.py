"""The bytes of an image, and why they can't be had or read."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from imgrec.data.records import Slice, Source
from imgrec.errors import BadImage, DataError
from imgrec.text import shown

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000")

# As RGB this takes 300 MB.
MAX_PIXELS = 100_000_000

MAX_BYTES = 1 << 30

NO_IMAGE = "not an image"
"""How the reason of a BadImage begins whose content is in none of the formats."""

# A path drops one of the two slashes; a single letter is a Windows drive.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def content(source: Source, name: str = "") -> bytes | NDArray[np.uint8]:
    """Return the encoded image that `source` names, or its pixels where it is pixels.

    name: what errors call it. Raises BadImage where the file can't be read.
    """
    if isinstance(source, Path):
        return read_bytes(source, name)
    return _read_slice(source, name) if isinstance(source, Slice) else source


def read_bytes(path: Path, name: str = "") -> bytes:
    """Return the content of the file at `path`, which errors call `name`.

    Raises BadImage where there is no file, or none that can be read.
    """
    try:
        check_file(path)
        return path.read_bytes()
    except (OSError, ValueError, MemoryError, DataError) as error:
        raise BadImage(name or str(path), file_reason(path, error)) from error


def reason(error: Exception) -> str:
    """Return why an image could not be decoded, for people."""
    if isinstance(error, DataError):
        return error.message
    if isinstance(error, UnidentifiedImageError):
        return f"{NO_IMAGE}, or not in one of these formats: {', '.join(FORMATS)}"
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS // 10**6} megapixels"
    if isinstance(error, MemoryError):
        return "takes more memory than there is"
    return f"broken image ({shown(str(error)) or type(error).__name__})"


def file_reason(path: Path, error: Exception) -> str:
    """Return why the file at `path` could not be read, for people."""
    if isinstance(error, (DataError, MemoryError)):
        return reason(error)
    if _ADDRESS.match(str(path)):
        return "an address, not a file: download it first"
    if isinstance(error, FileNotFoundError) or not isinstance(error, OSError):
        return "no such file"  # a ValueError: the path holds what no path can
    return (error.strerror or str(error)).lower()


def _read_slice(source: Slice, name: str) -> bytes:
    try:
        with source.path.open("rb") as file:
            file.seek(source.start)
            found = file.read(source.length)
    except (OSError, ValueError, MemoryError) as error:
        raise BadImage(name or str(source.path), file_reason(source.path, error)) from error
    if len(found) < source.length:
        raise BadImage(name or str(source.path), f"{shown(str(source.path))} was cut short")
    return found


def check_file(path: Path) -> None:
    """Raise DataError unless `path` is a regular file of a size to read; OSError as `stat`."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise DataError("a folder, not an image")
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
        raise DataError("not a regular file")
    if status.st_size == 0:
        raise DataError("empty file")
    if status.st_size > MAX_BYTES:
        raise DataError(f"larger than {MAX_BYTES >> 20} MiB")
