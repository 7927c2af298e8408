"""TFRecord files, read and written without TensorFlow: records with their checksums."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from google_crc32c import value as crc32c

from imgrec.data.storage import cannot_read, create_file, open_file, status, sync
from imgrec.errors import DataError
from imgrec.text import count_of, printable

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_GZIP = b"\x1f\x8b"

# As large as an image may be.
_MAX_RECORD = 1 << 30


def records(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each record of `file` with the byte that it begins at.

    Raises DataError, with the record's number from 0, if a checksum is wrong or the file ends
    within a record, and if the file can't be read or is compressed.
    """
    try:
        size = status(file).size
        with open_file(file) as stream:
            if stream.read(2) == _GZIP and not _is_frame(stream):
                raise DataError(f"{printable(str(file))} is gzipped", hint="unpack it with gunzip")
            stream.seek(0)
            yield from _frames(stream, size, file)
    except OSError as error:
        raise cannot_read(file, error) from error


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
        if length > _MAX_RECORD:
            raise DataError(
                f"{printable(str(file))}, record {number} (from 0) has "
                f"{count_of(length, 'byte')}, and at most {_MAX_RECORD:,} are allowed",
                hint="a record holds one image",
            )
        record = stream.read(length)
        footer = stream.read(_FOOTER.size)
        if len(footer) < _FOOTER.size:
            raise _cut(file, number)
        if _FOOTER.unpack(footer)[0] != masked(record):
            raise _damaged(file, number)
        yield start, record
        number += 1


def _is_frame(stream: BinaryIO) -> bool:
    """Return whether the file begins with a frame: its length may look like gzip's magic."""
    stream.seek(0)
    header = stream.read(_HEADER.size)
    return len(header) == _HEADER.size and _HEADER.unpack(header)[1] == masked(header[:8])


def _cut(file: Path, number: int) -> DataError:
    return DataError(
        f"{printable(str(file))} ends within record {number} (from 0)",
        hint="the file was cut short: write or fetch it again",
    )


def _damaged(file: Path, number: int) -> DataError:
    return DataError(
        f"{printable(str(file))}, record {number} (from 0): a checksum is wrong",
        hint="the file is damaged, or not a TFRecord file",
    )


_BYTES_LIST, _INT64_LIST = 1, 3
_DELIMITED = 2
_64_BITS = (1 << 64) - 1


def example(texts: Mapping[str, Sequence[bytes]], numbers: Mapping[str, Sequence[int]]) -> bytes:
    """Return a `tf.train.Example` with a bytes_list for each of `texts`, an int64_list for others.

    The features stand in the order of their names, so that the same features are the same bytes.
    """
    features = {
        **{name: _field(_BYTES_LIST, _repeated(each)) for name, each in texts.items()},
        **{name: _field(_INT64_LIST, _packed(each)) for name, each in numbers.items()},
    }
    return _field(1, b"".join(_entry(name, features[name]) for name in sorted(features)))


class RecordWriter:
    """A new TFRecord file at `path`; `records` and `size` (bytes) count what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = create_file(path)
        self._digest = hashlib.sha256()
        self.records = 0
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what is in the file, in hexadecimal."""
        return self._digest.hexdigest()

    def write(self, record: bytes) -> None:
        """Append a record; raises OSError."""
        length = struct.pack("<Q", len(record))
        for part in (length, _checksum(length), record, _checksum(record)):
            self._file.write(part)
            self._digest.update(part)
            self.size += len(part)
        self.records += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if kind is None:
                sync(self._file)


def _checksum(content: bytes) -> bytes:
    return struct.pack("<I", masked(content))


def _entry(name: str, feature: bytes) -> bytes:
    key = name.encode("utf-8", "surrogateescape")
    return _field(1, _field(1, key) + _field(2, feature))


def _repeated(texts: Iterable[bytes]) -> bytes:
    return b"".join(_field(1, text) for text in texts)


def _packed(numbers: Iterable[int]) -> bytes:
    return _field(1, b"".join(_varint(number & _64_BITS) for number in numbers))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    content = bytearray()
    while number > 0x7F:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*content, number])
