"""TFRecord files of `tf.train.Example`, written from the formats' descriptions alone."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

Value = bytes | int | float | list[bytes] | list[int]


def write(path: Path, examples: Iterable[Mapping[str, Value]]) -> Path:
    """Write a file with a record for each example, and return its path."""
    path.write_bytes(b"".join(frame(example(values)) for values in examples))
    return path


def frame(record: bytes) -> bytes:
    """Return the record between its length and checksums."""
    length = struct.pack("<Q", len(record))
    return length + _checksum(length) + record + _checksum(record)


def example(values: Mapping[str, Value]) -> bytes:
    """Return a `tf.train.Example` with these features."""
    return _field(1, b"".join(_field(1, _entry(*item)) for item in values.items()))


def crc32c(content: bytes) -> int:
    """Return CRC-32C (Castagnoli), bit by bit."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(number: int) -> bytes:
    """Return a protocol buffer's whole number; negative ones take ten bytes."""
    number &= 2**64 - 1
    content = bytearray()
    while number > 0x7F:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*content, number])


def _entry(name: str, value: Value) -> bytes:
    return _field(1, name.encode("utf-8", "surrogateescape")) + _field(2, _feature(value))


def _feature(value: Value) -> bytes:
    if isinstance(value, float):
        return _field(2, _field(1, struct.pack("<f", value)))
    values = value if isinstance(value, list) else [value]
    texts = [each for each in values if isinstance(each, bytes)]
    numbers = [each for each in values if isinstance(each, int)]
    if numbers:
        return _field(3, _field(1, b"".join(map(varint, numbers))))
    return _field(1, b"".join(_field(1, text) for text in texts))


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def _checksum(content: bytes) -> bytes:
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _remainder(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = [_remainder(byte) for byte in range(256)]
