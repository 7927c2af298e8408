"""One record of a TFRecord file: its image, its classes, and what else it says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.records import ByteRange
from imgrec.data.tfrecord.framing import records
from imgrec.errors import DataError
from imgrec.text import join_few, printable

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTH = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
_FLOATS, _INTEGERS = 2, 3

# Fields and whole numbers in a record, which each take a microsecond.
_MOST = 1_000_000


@dataclass(frozen=True)
class Feature:
    """The values of one feature; for bytes, the places in the record where they begin and end."""

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
    Raises ValueError if the record is not an Example, or has more than a million fields and whole
    numbers.
    """
    found: dict[str, Feature] = {}
    reader = _Reader(record)
    for example in reader.messages(0, len(record)):
        for entry in reader.messages(example.start, example.end):
            name, feature = "", Feature("nothing")
            for field in reader.fields(entry.start, entry.end):
                if field.wire == _BYTES and field.number == 1:
                    name = record[field.start : field.end].decode("utf-8", "surrogateescape")
                elif field.wire == _BYTES and field.number == 2:
                    feature = reader.feature(field)
            found[name] = feature
    return found


class _Reader:
    """Reads the fields of a record, a bounded number of them."""

    def __init__(self, record: bytes) -> None:
        self._record = record
        self._left = _MOST

    def feature(self, field: _Field) -> Feature:
        for each in self.fields(field.start, field.end):
            if each.wire != _BYTES:
                continue
            if each.number == 1:
                inner = self.messages(each.start, each.end)
                return Feature("bytes", stretches=tuple((one.start, one.end) for one in inner))
            if each.number == _INTEGERS:
                return Feature("integers", integers=tuple(self._integers(each.start, each.end)))
            if each.number == _FLOATS:
                return Feature("floats")
        return Feature("nothing")

    def _integers(self, start: int, end: int) -> Iterator[int]:
        """Yield int64 values, packed or not."""
        for field in self.fields(start, end):
            if field.number == 1 and field.wire == _VARINT:
                yield _signed(field.value)
            elif field.number == 1 and field.wire == _BYTES:
                place = field.start
                while place < field.end:
                    self._count()
                    value, place = _varint(self._record, place, field.end)
                    yield _signed(value)

    def messages(self, start: int, end: int) -> Iterator[_Field]:
        """Yield the fields with number 1 that hold bytes."""
        for field in self.fields(start, end):
            if field.number == 1 and field.wire == _BYTES:
                yield field

    def fields(self, start: int, end: int) -> Iterator[_Field]:
        record, place = self._record, start
        while place < end:
            self._count()
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
                raise ValueError("not a tf.train.Example")
            if place > end or number == 0:
                raise ValueError("not a tf.train.Example")
            yield _Field(number, wire, begin, place, value)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError(f"more than {_MOST:,} fields and whole numbers")


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
    raise ValueError("not a tf.train.Example")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


# What else a record says is kept where it is short: a name, a number, not a thumbnail.
_LONGEST_EXTRA = 256

_NAMES_SHOWN = 20


@dataclass(frozen=True)
class Example:
    """A record and its features; start: of the record in the file; number: from 0."""

    file: Path
    number: int
    start: int
    record: bytes
    features: Mapping[str, Feature]

    def image(self, key: str) -> ByteRange:
        """Return the place of the encoded image in feature `key`; raises DataError."""
        feature = self._feature(key)
        if feature.kind != "bytes" or len(feature.stretches) != 1:
            raise self.problem(
                f"feature {printable(key)} holds {_held(feature)}, not the bytes of one image",
                "name the feature with data.features.image",
            )
        start, end = feature.stretches[0]
        return ByteRange(self.file, self.start + start, end - start)

    def classes(self, key: str, label_map: Mapping[str, str] | None) -> tuple[str, ...]:
        """Return the names of the classes in feature `key`: any number of them.

        label_map: the class of each whole number, by its text; None: numbers are names.
        Raises DataError for a feature of another type, and a number that has no class.
        """
        feature = self._feature(key)
        if feature.kind == "floats":
            raise self.problem(
                f"feature {printable(key)} holds floats, not whole numbers or texts",
                "name the feature with data.features.label",
            )
        if feature.stretches and label_map is not None:
            raise self.problem(
                f"feature {printable(key)} is a text, so data.label_map can't be used",
                "leave data.label_map out, or name another feature with data.features.label",
            )
        numbers = (self._named(key, number, label_map) for number in feature.integers)
        return (*numbers, *(self._text(key, stretch) for stretch in feature.stretches))

    def one_class(self, key: str, label_map: Mapping[str, str] | None) -> tuple[str, ...]:
        """Return the one class in feature `key`; raises DataError as `classes`, and for more."""
        found = self.classes(key, label_map)
        if len(found) != 1:
            held = _held(self._feature(key))
            raise self.problem(
                f"feature {printable(key)} holds {held}, not one whole number or one text",
                "name the feature with data.features.label, or set data.multi_label",
            )
        return found

    def text(self, key: str) -> str:
        """Return the one text in feature `key`; raises DataError."""
        feature = self._feature(key)
        if len(feature.stretches) != 1:
            raise self.problem(f"feature {printable(key)} holds {_held(feature)}, not one text")
        return self._decoded(feature.stretches[0])

    def others(self, used: Collection[str]) -> dict[str, str]:
        """Return the short single values of all features but those `used`."""
        extra = {}
        for name, feature in self.features.items():
            if name in used:
                continue
            if len(feature.integers) == 1:
                extra[name] = str(feature.integers[0])
            elif len(feature.stretches) == 1:
                start, end = feature.stretches[0]
                if end - start <= _LONGEST_EXTRA:
                    extra[name] = self._decoded((start, end))
        return extra

    def first(self, usual: Sequence[str], what: str) -> str:
        """Return the first of the `usual` features that is there; raises DataError."""
        for name in usual:
            if name in self.features:
                return name
        raise self.problem(
            f"none of the features {', '.join(usual)}; found: {_listed(self.features)}",
            f"name the feature with data.features.{what}",
        )

    def problem(self, message: str, hint: str = "") -> DataError:
        """Return an error that names file and record."""
        return DataError(
            f"{printable(str(self.file))}, record {self.number} (from 0): {message}", hint=hint
        )

    def _feature(self, key: str) -> Feature:
        if key not in self.features:
            raise self.problem(
                f"no feature {printable(key)}; found: {_listed(self.features)}",
                "name the features with data.features",
            )
        return self.features[key]

    def _named(self, key: str, number: int, label_map: Mapping[str, str] | None) -> str:
        if label_map is None:
            return str(number)
        if str(number) not in label_map:
            raise self.problem(
                f"feature {printable(key)}: label {number} is not in data.label_map",
                f"it has {join_few(list(label_map), 20)}",
            )
        return label_map[str(number)]

    def _text(self, key: str, stretch: tuple[int, int]) -> str:
        try:
            text = self.record[slice(*stretch)].decode()
        except UnicodeDecodeError:
            raise self.problem(f"feature {printable(key)} is not UTF-8") from None
        if not text.strip():
            raise self.problem(f"feature {printable(key)} is empty")
        return text

    def _decoded(self, stretch: tuple[int, int]) -> str:
        return self.record[slice(*stretch)].decode("utf-8", "surrogateescape")


def examples(file: Path) -> Iterator[Example]:
    """Yield the records of `file`.

    Raises DataError, with the record's number, for one that is damaged or not an Example.
    """
    for number, (start, record) in enumerate(records(file)):
        try:
            yield Example(file, number, start, record, features(record))
        except ValueError as error:
            raise DataError(f"{printable(str(file))}, record {number} (from 0): {error}") from error


def _held(feature: Feature) -> str:
    count = len(feature.stretches) + len(feature.integers)
    return feature.kind if feature.kind in {"floats", "nothing"} else f"{count} {feature.kind}"


def _listed(names: Mapping[str, Feature]) -> str:
    return join_few(sorted(names), _NAMES_SHOWN) or "none"
