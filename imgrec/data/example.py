"""`tf.train.Example` read without TensorFlow, and where in the record its bytes stand.

The wire format of protocol buffers, as far as these messages need it:

    Example {Features features = 1}
    Features {map<string, Feature> feature = 1}
    Feature {BytesList bytes_list = 1 | FloatList float_list = 2 | Int64List int64_list = 3}
    BytesList {repeated bytes value = 1}   Int64List {repeated int64 value = 1}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTH = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
_FLOATS, _INTEGERS = 2, 3


@dataclass(frozen=True)
class Feature:
    """The values of one feature; of bytes, where in the record they begin and end."""

    kind: str
    stretches: tuple[tuple[int, int], ...] = ()
    integers: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Field:
    """A field of a message: its bytes from `start` to `end`, or the number it is."""

    number: int
    wire: int
    start: int
    end: int
    value: int = 0


def features(record: bytes) -> Mapping[str, Feature]:
    """Return the features of the Example that `record` holds, by name.

    kind is `bytes`, `integers`, `floats` (whose values are left out) or `nothing`.
    Raises ValueError where the record is no Example.
    """
    found: dict[str, Feature] = {}
    for example in _messages(record, 0, len(record)):
        for entry in _messages(record, example.start, example.end):
            name, feature = "", Feature("nothing")
            for field in _fields(record, entry.start, entry.end):
                if field.wire == _BYTES and field.number == 1:
                    name = record[field.start : field.end].decode("utf-8", "surrogateescape")
                elif field.wire == _BYTES and field.number == 2:
                    feature = _feature(record, field)
            found[name] = feature
    return found


def _feature(record: bytes, field: _Field) -> Feature:
    for each in _fields(record, field.start, field.end):
        if each.wire != _BYTES:
            continue
        if each.number == 1:
            inner = _messages(record, each.start, each.end)
            return Feature("bytes", stretches=tuple((one.start, one.end) for one in inner))
        if each.number == _INTEGERS:
            return Feature("integers", integers=tuple(_integers(record, each.start, each.end)))
        if each.number == _FLOATS:
            return Feature("floats")
    return Feature("nothing")


def _integers(record: bytes, start: int, end: int) -> Iterator[int]:
    """Yield int64 values, packed or not."""
    for field in _fields(record, start, end):
        if field.number == 1 and field.wire == _VARINT:
            yield _signed(field.value)
        elif field.number == 1 and field.wire == _BYTES:
            place = field.start
            while place < field.end:
                value, place = _varint(record, place, field.end)
                yield _signed(value)


def _messages(record: bytes, start: int, end: int) -> Iterator[_Field]:
    """Yield the fields with number 1 that hold bytes."""
    for field in _fields(record, start, end):
        if field.number == 1 and field.wire == _BYTES:
            yield field


def _fields(record: bytes, start: int, end: int) -> Iterator[_Field]:
    place = start
    while place < end:
        key, place = _varint(record, place, end)
        number, wire = key >> 3, key & 7
        value = 0
        if wire == _VARINT:
            begin = place
            value, place = _varint(record, place, end)
        elif wire == _BYTES:
            length, begin = _varint(record, place, end)
            place = begin + length
        elif wire in _WIDTH:
            begin, place = place, place + _WIDTH[wire]
        else:
            raise ValueError("no tf.train.Example")
        if place > end or number == 0:
            raise ValueError("no tf.train.Example")
        yield _Field(number, wire, begin, place, value)


def _varint(record: bytes, place: int, end: int) -> tuple[int, int]:
    """Return the number at `place`, at most 64 bits, and the place after it."""
    value = 0
    for count in range(_LONGEST_VARINT):
        if place + count >= end:
            break
        byte = record[place + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & (2**64 - 1), place + count + 1
    raise ValueError("no tf.train.Example")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
