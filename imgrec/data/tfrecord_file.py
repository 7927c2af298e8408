"""The frames of a TFRecord file: length, its checksum, the record, the record's checksum."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from google_crc32c import value as crc32c

from imgrec.errors import DataError
from imgrec.text import shown

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_GZIP = b"\x1f\x8b"


def records(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each record of `file` with where it begins, in bytes.

    Raises DataError, with the record's number from 0, where a checksum is wrong or the file
    ends within a record, and where the file can't be read or is compressed.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            if stream.read(2) == _GZIP and not _is_frame(stream):
                raise DataError(f"{shown(str(file))} is gzipped", hint="unpack it with gunzip")
            stream.seek(0)
            yield from _frames(stream, size, file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{shown(str(file))} can't be read: {reason}") from error


def masked(content: bytes) -> int:
    """Return TFRecord's checksum: CRC-32C, turned and shifted."""
    checksum: int = crc32c(content)
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _frames(stream: BinaryIO, size: int, file: Path) -> Iterator[tuple[int, bytes]]:
    number = place = 0
    while place < size:
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise _cut(file, number)
        length, checksum = _HEADER.unpack(header)
        if checksum != masked(header[:8]):
            raise _damaged(file, number)
        start = place + _HEADER.size
        place = start + length + _FOOTER.size
        # Before reading, so that a wrong length asks for no memory.
        if place > size:
            raise _cut(file, number)
        record = stream.read(length)
        footer = stream.read(_FOOTER.size)
        if len(footer) < _FOOTER.size:
            raise _cut(file, number)
        if _FOOTER.unpack(footer)[0] != masked(record):
            raise _damaged(file, number)
        yield start, record
        number += 1


def _is_frame(stream: BinaryIO) -> bool:
    """Say whether the file begins with a frame: its length may look like gzip's magic."""
    stream.seek(0)
    header = stream.read(_HEADER.size)
    return len(header) == _HEADER.size and _HEADER.unpack(header)[1] == masked(header[:8])


def _cut(file: Path, number: int) -> DataError:
    return DataError(
        f"{shown(str(file))} ends within record {number} (from 0)",
        hint="the file was cut short: write or fetch it again",
    )


def _damaged(file: Path, number: int) -> DataError:
    return DataError(
        f"{shown(str(file))}, record {number} (from 0): a checksum is wrong",
        hint="the file is damaged, or no TFRecord file",
    )
