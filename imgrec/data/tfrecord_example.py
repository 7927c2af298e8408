"""One record of a TFRecord file: its image, its classes, and what else it says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.example import Feature, features
from imgrec.data.records import Slice
from imgrec.data.tfrecord_file import records
from imgrec.errors import DataError
from imgrec.text import few, shown

# What else a record says is kept where it is short: a name, a number, not a thumbnail.
_LONGEST_EXTRA = 256


@dataclass(frozen=True)
class Example:
    """A record and its features; start: of the record in the file; number: from 0."""

    file: Path
    number: int
    start: int
    record: bytes
    features: Mapping[str, Feature]

    def image(self, key: str) -> Slice:
        """Return where the encoded image in feature `key` stands; raises DataError."""
        feature = self._feature(key)
        if feature.kind != "bytes" or len(feature.stretches) != 1:
            raise self.problem(
                f"feature {shown(key)} holds {_held(feature)}, not the bytes of one image",
                "name the feature with data.features.image",
            )
        start, end = feature.stretches[0]
        return Slice(self.file, self.start + start, end - start)

    def classes(self, key: str, label_map: Mapping[str, str] | None) -> tuple[str, ...]:
        """Return the names of the classes in feature `key`: any number of them.

        label_map: the class of each whole number, by its text; None: numbers are names.
        Raises DataError for a feature of another type, and a number that has no class.
        """
        feature = self._feature(key)
        if feature.kind == "floats":
            raise self.problem(
                f"feature {shown(key)} holds floats, not whole numbers or texts",
                "name the feature with data.features.label",
            )
        if feature.stretches and label_map is not None:
            raise self.problem(
                f"feature {shown(key)} is a text, so data.label_map has nothing to say",
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
                f"feature {shown(key)} holds {held}, not one whole number or one text",
                "name the feature with data.features.label, or set data.multi_label",
            )
        return found

    def text(self, key: str) -> str:
        """Return the one text in feature `key`; raises DataError."""
        feature = self._feature(key)
        if len(feature.stretches) != 1:
            raise self.problem(f"feature {shown(key)} holds {_held(feature)}, not one text")
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
            f"{shown(str(self.file))}, record {self.number} (from 0): {message}", hint=hint
        )

    def _feature(self, key: str) -> Feature:
        if key not in self.features:
            raise self.problem(
                f"no feature {shown(key)}; found: {_listed(self.features)}",
                "name the features with data.features",
            )
        return self.features[key]

    def _named(self, key: str, number: int, label_map: Mapping[str, str] | None) -> str:
        if label_map is None:
            return str(number)
        if str(number) not in label_map:
            raise self.problem(
                f"feature {shown(key)}: label {number} is not in data.label_map",
                f"it has {few(list(label_map), 20)}",
            )
        return label_map[str(number)]

    def _text(self, key: str, stretch: tuple[int, int]) -> str:
        try:
            text = self.record[slice(*stretch)].decode()
        except UnicodeDecodeError:
            raise self.problem(f"feature {shown(key)} is not UTF-8") from None
        if not text.strip():
            raise self.problem(f"feature {shown(key)} is empty")
        return text

    def _decoded(self, stretch: tuple[int, int]) -> str:
        return self.record[slice(*stretch)].decode("utf-8", "surrogateescape")


def examples(file: Path) -> Iterator[Example]:
    """Yield the records of `file`.

    Raises DataError, with the record's number, for one that is damaged or no Example.
    """
    for number, (start, record) in enumerate(records(file)):
        try:
            yield Example(file, number, start, record, features(record))
        except ValueError as error:
            raise DataError(f"{shown(str(file))}, record {number} (from 0): {error}") from error


def _held(feature: Feature) -> str:
    count = len(feature.stretches) + len(feature.integers)
    return feature.kind if feature.kind in {"floats", "nothing"} else f"{count} {feature.kind}"


def _listed(names: Mapping[str, Feature]) -> str:
    return ", ".join(map(shown, sorted(names))) or "none"
