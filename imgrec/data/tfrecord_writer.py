"""TFRecord files of `tf.train.Example`, written without TensorFlow."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from imgrec.data.tfrecord_file import masked

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
        self._file = path.open("xb")
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
                self._file.flush()
                os.fsync(self._file.fileno())


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
