"""Where an image comes from, and what tells without reading it that it changed."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from imgrec.data.records import ByteRange, ImageSource, Record
from imgrec.errors import BadImage, DataError
from imgrec.files import sha256
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Progress, Silent
from imgrec.text import printable

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000")

# As RGB this takes 300 MB.
MAX_PIXELS = 100_000_000

MAX_BYTES = 1 << 30

NO_IMAGE = "not an image"
"""How the reason of a BadImage begins whose content is in none of the formats."""

# A path drops one of the two slashes; a single letter is a Windows drive.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def image_bytes(source: ImageSource, name: str = "") -> bytes | NDArray[np.uint8]:
    """Return the encoded image that `source` names, or its pixels where it is pixels.

    name: what errors call it. Raises BadImage where the file can't be read.
    """
    if isinstance(source, Path):
        return read_bytes(source, name)
    return _read_slice(source, name) if isinstance(source, ByteRange) else source


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
    return f"broken image ({printable(str(error)) or type(error).__name__})"


def file_reason(path: Path, error: Exception) -> str:
    """Return why the file at `path` could not be read, for people."""
    if isinstance(error, (DataError, MemoryError)):
        return reason(error)
    if _ADDRESS.match(str(path)):
        return "an address, not a file: download it first"
    if isinstance(error, FileNotFoundError) or not isinstance(error, OSError):
        return "no such file"  # a ValueError: the path holds what no path can
    return (error.strerror or str(error)).lower()


def _read_slice(source: ByteRange, name: str) -> bytes:
    try:
        with source.path.open("rb") as file:
            file.seek(source.start)
            found = file.read(source.length)
    except (OSError, ValueError, MemoryError) as error:
        raise BadImage(name or str(source.path), file_reason(source.path, error)) from error
    if len(found) < source.length:
        raise BadImage(name or str(source.path), f"{printable(str(source.path))} was cut short")
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


def identities_of_images(
    records: Sequence[Record], progress: Progress | None = None, title: str = "hashing images"
) -> Mapping[str, str]:
    """Return the SHA-256 in hexadecimal of each record, by its name.

    It is that of the file's bytes; for pixels, of their shape and values. A file that can't be
    read has "". title: what `progress` calls the work.
    """
    workers, found = usable_cores(), dict[str, str]()
    with (progress or Silent()).task(title, len(records)) as task:
        for name, identity in map_in_order(_identity, records, workers, 4 * workers):
            found[name] = identity
            task.advance()
    return found


def identity_of(found: bytes | NDArray[np.uint8]) -> str:
    """Return the SHA-256 in hexadecimal of a file's content, or of pixels with their shape."""
    if isinstance(found, np.ndarray):
        return sha256(repr(found.shape).encode() + found.tobytes())
    return sha256(found)


def fingerprint(
    records: Sequence[Record], identities: Mapping[str, str], classes: Sequence[str]
) -> str:
    """Return the SHA-256 in hexadecimal of a data set, whatever the order of its records.

    Hashed is, for each record in the order of names, its name, its class name (of several, one
    a line) and its identity (looked up by name), each as UTF-8 (surrogates as in Python's
    `surrogatepass`) after its length in 8 bytes, big-endian.
    """
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda record: record.name):
        names = "\n".join(classes[label] for label in record.labels)
        for text in (record.name, names, identities[record.name]):
            field = text.encode("utf-8", "surrogatepass")
            digest.update(len(field).to_bytes(8, "big") + field)
    return digest.hexdigest()


def _identity(record: Record) -> tuple[str, str]:
    try:
        return record.name, identity_of(image_bytes(record.source, record.name))
    except BadImage:
        return record.name, ""


def source_key(source: ImageSource) -> str:
    """Return what names the image on this machine: its absolute path, or the hash of pixels."""
    if isinstance(source, np.ndarray):
        return identity_of(source)
    if isinstance(source, ByteRange):
        return f"{os.path.abspath(source.path)}\0{source.start}\0{source.length}"  # noqa: PTH100
    return os.path.abspath(source)  # noqa: PTH100 - Path.absolute() keeps `..`


def file_stamp(source: ImageSource) -> str:
    """Return the size and the time of change (ns) of the image's file.

    Empty where there is no such file, and for pixels: they are their own place.
    """
    if isinstance(source, np.ndarray):
        return ""
    path = source.path if isinstance(source, ByteRange) else source
    try:
        status = path.stat()
    except (OSError, ValueError):  # a ValueError: the path holds what no path can
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
