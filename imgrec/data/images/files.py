"""The content of an image, its SHA-256, and the fingerprint of a data set."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data import storage
from imgrec.data.images.budget import MEMORY
from imgrec.data.images.formats import BROKEN, EMPTY
from imgrec.data.images.signatures import is_truncated
from imgrec.data.records import ByteRange, ImageSource, Record
from imgrec.errors import BadImage, DataError
from imgrec.files import reason_of, sha256
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Progress, Silent
from imgrec.text import count_of, printable

MAX_BYTES = 1 << 30

# A path drops one of the two slashes; a single letter is a Windows drive.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


ImageContent: TypeAlias = "bytes | NDArray[np.uint8] | Image.Image"
"""An encoded image, pixels, or a Pillow image."""


def content_of(source: ImageSource | ImageContent, name: str = "") -> ImageContent:
    """Return the encoded image that `source` names, or `source` if it is an image already.

    name: what errors call it. Raises BadImage if the file can't be read.
    """
    if isinstance(source, Path):
        return _read_file(source, name)
    return _read_range(source, name) if isinstance(source, ByteRange) else source


def size_of(source: ImageSource | ImageContent) -> int:
    """Return how many bytes are read from a file, 0 if none are or it can't be read."""
    if isinstance(source, ByteRange):
        return source.length
    with suppress(OSError, ValueError):
        return storage.size(source) if isinstance(source, Path) else 0
    return 0


def _read_file(path: Path, name: str) -> bytes:
    try:
        check_file(path)
        return storage.read_bytes(path, MAX_BYTES)
    except (OSError, ValueError, MemoryError, DataError) as error:
        raise BadImage(name or str(path), file_reason(path, error)) from error


def reason(error: Exception, content: ImageContent | None = None) -> str:
    """Return why an image could not be decoded, as a phrase for users."""
    damaged = isinstance(content, bytes) and is_truncated(content)
    if isinstance(error, DataError) and not (damaged and error.message.startswith(BROKEN)):
        return error.message
    if isinstance(error, MemoryError):
        return "needs more memory than there is"
    message = printable(str(error).strip()) or type(error).__name__
    if isinstance(content, bytes) and (damaged or "truncated" in message.lower()):
        return f"{BROKEN} (truncated after {count_of(len(content), 'byte')})"
    return f"{BROKEN} ({message})"


def file_reason(path: Path, error: Exception) -> str:
    """Return why the file at `path` could not be read, as a phrase for users."""
    if isinstance(error, (DataError, MemoryError)):
        return reason(error)
    if _ADDRESS.match(str(path)):
        return "an address, not a file: download it first"
    if isinstance(error, FileNotFoundError) or not isinstance(error, OSError):
        return "no such file"  # a ValueError: the path holds what no path can
    return reason_of(error)


def _read_range(source: ByteRange, name: str) -> bytes:
    try:
        found = storage.read_part(source.path, source.start, source.length)
    except (OSError, ValueError, MemoryError) as error:
        raise BadImage(name or str(source.path), file_reason(source.path, error)) from error
    if len(found) < source.length:
        raise BadImage(name or str(source.path), f"{printable(str(source.path))} was cut short")
    return found


def check_file(path: Path) -> None:
    """Raise DataError unless `path` is a regular file of a size to read; OSError like `stat`."""
    status = storage.status(path)
    if status.is_folder:
        raise DataError("a folder, not an image")
    if not status.is_regular:  # reading a pipe would wait for ever
        raise DataError("not a regular file")
    if status.size == 0:
        raise DataError(EMPTY)
    if status.size > MAX_BYTES:
        raise DataError(f"larger than {MAX_BYTES >> 20} MiB")


def identities_of_images(
    records: Sequence[Record], progress: Progress | None = None, title: str = "hashing images"
) -> Mapping[str, str]:
    """Return the SHA-256 in hexadecimal of each record, by its name.

    For a file, it is that of its bytes; for pixels, of their shape and values. A file that can't
    be read has "". title: what `progress` calls the work.
    """
    workers, found = usable_cores(), dict[str, str]()
    with (progress or Silent()).task(title, len(records)) as task:
        for name, identity in map_in_order(_identity, records, workers, 4 * workers):
            found[name] = identity
            task.advance()
    return found


def identity_of(content: ImageContent) -> str:
    """Return the SHA-256 in hexadecimal of an encoded image, or of pixels with their shape."""
    if isinstance(content, bytes):
        return sha256(content)
    pixels = np.asarray(content)
    return sha256(repr(pixels.shape).encode() + pixels.tobytes())


def identity_of_source(record: Record) -> str:
    """Return the SHA-256 in hexadecimal of a record's content, empty if it can't be read."""
    source = record.source
    try:
        if isinstance(source, Path):
            check_file(source)
            with storage.open_file(source) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        with MEMORY.reserved(size_of(source)):
            return identity_of(content_of(source, record.name))
    except (OSError, ValueError, DataError):  # a BadImage is a DataError
        return ""


def fingerprint(
    records: Sequence[Record], identities: Mapping[str, str], classes: Sequence[str]
) -> str:
    """Return the SHA-256 in hexadecimal of a data set; the order of its records is irrelevant.

    For each record, in the order of names, its name, its class name (several are joined by line
    ends) and its identity (looked up by name) are hashed, each as UTF-8 (surrogates as in
    Python's `surrogatepass`) after its length in 8 bytes, big-endian.
    """
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda record: record.name):
        names = "\n".join(classes[label] for label in record.labels)
        for text in (record.name, names, identities[record.name]):
            field = text.encode("utf-8", "surrogatepass")
            digest.update(len(field).to_bytes(8, "big") + field)
    return digest.hexdigest()


def _identity(record: Record) -> tuple[str, str]:
    return record.name, identity_of_source(record)
