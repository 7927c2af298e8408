"""From class names to labels, with one order of classes for all splits of a data set.

Names of classes are in the form that `class_name` returns: `labelled` brings them to it, and
names from elsewhere are compared in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Finding, Occurrence, finding, merged
from imgrec.data.memory import check_free_memory
from imgrec.data.records import Dataset, ImageSource, Record
from imgrec.errors import DataError, UsageError
from imgrec.text import (
    LONGEST_CLASS,
    class_name,
    count_of,
    either,
    join_few,
    plural,
    printable,
    similar_names,
)

_CLASSES_SHOWN = 10

# What separates labels; and what may, if it stands between the names of other classes.
_SEPARATED = re.compile(r"\s*[;|]\s*")
_PERHAPS_SEPARATED = re.compile(r"\s*[,+&/]\s*|\s+")

_WORDS_PER_CLASS = 0.5

# What an image takes in memory besides its pixels, and how often that is looked at.
_IMAGE_BYTES = 1000
_LOOK_EVERY = 100_000

# The longest path that systems accept.
LONGEST_NAME = 4096

_DIGITS = 20
_SHOWN = 40


@dataclass(frozen=True)
class NamedLabel:
    """An image with the names of its classes: one, or any number for several labels."""

    name: str
    classes: tuple[str, ...]
    source: ImageSource
    extra: Mapping[str, str] = field(default_factory=dict)


def labelled(
    images: Iterable[NamedLabel], order: Sequence[str] | None = None, *, multi_label: bool = False
) -> Dataset:
    """Return the images as a data set; its classes are those that some image has.

    Class names that are equal but for blanks around them or their Unicode form are one class,
    which is among the findings.

    Args:
        images: In any order.
        order: The order of the classes; by default, they are sorted.
        multi_label: Whether an image may have several classes, or none.
    """
    found = list(_bounded(images))
    written = Counter(name for image in found for name in image.classes)
    _check_lengths(found, written)
    forms = {name: class_name(name) or name for name in written}
    there = set(forms.values())
    wanted = sorted(there) if order is None else dict.fromkeys(map(class_name, order))
    classes = tuple(name for name in wanted if name in there)
    index = {name: label for label, name in enumerate(classes)}
    records = []
    for image in found:
        labels = tuple(sorted({index[forms[name]] for name in image.classes}))
        label = labels if multi_label else labels[0]
        records.append(Record(image.name, label, image.source, image.extra))
    in_order = tuple(sorted(records, key=lambda record: record.name))
    combined = () if multi_label else _combined(classes)
    return Dataset(in_order, classes, (*_unified(written), *combined))


def check_room(images: int) -> None:
    """Raise DataError if so many images would take more memory than is free, without pixels."""
    check_free_memory(images * _IMAGE_BYTES, f"the names and labels of {count_of(images, 'image')}")


def with_findings(
    parts: Mapping[str, Dataset], findings: Iterable[Finding], order: Sequence[str] | None = None
) -> dict[str, Dataset]:
    """Return the parts of a source, the first one with the findings of the whole source.

    Args:
        parts: At least one data set, by split.
        findings: What of the source was not used, or not as it is written.
        order: The classes that the source names; those that no image has are a finding.
    """
    there = {name for dataset in parts.values() for name in dataset.classes}
    absent = [name for name in order or () if class_name(name) not in there]
    unused = finding(FindingKind.UNUSED_CLASSES, (Occurrence((name,)) for name in absent))
    part, dataset = next(iter(parts.items()))
    found = merged((*findings, *unused, *dataset.findings))
    return {**parts, part: replace(dataset, findings=found)}


def by_number(name: str) -> tuple[bool, int, str]:
    """Return a key that sorts class names that are whole numbers by value, before others."""
    digits = name.removeprefix("-")
    is_number = name.isascii() and digits.isdecimal() and len(digits) <= _DIGITS
    return not is_number, int(name) if is_number else 0, name


def renamed(dataset: Dataset, names: Mapping[str, str], where: str) -> Dataset:
    """Return `dataset` with the classes renamed that are in `names`.

    Several classes may then have the same name, until `relabelled` makes them one. where: what
    errors call the data set. Raises UsageError for a class that doesn't exist.
    """
    forms = {class_name(theirs): ours for theirs, ours in names.items()}
    for name in names:
        if class_name(name) not in dataset.classes:
            to = f", to be renamed to {printable(names[name])}" if names[name] != name else ""
            raise UsageError(
                f"no class {printable(name)} in {printable(where)}{to}",
                hint=f"it has {join_few(dataset.classes, _CLASSES_SHOWN)}",
            )
    return replace(dataset, classes=tuple(forms.get(name, name) for name in dataset.classes))


def relabelled(dataset: Dataset, classes: Sequence[str], where: str) -> Dataset:
    """Return `dataset` with labels that are indices into `classes`, which keep their order.

    where: what errors call the data set. Raises DataError for a class that is not in `classes`.
    """
    known = tuple(classes)
    if dataset.classes == known:
        return dataset
    exact = {name: label for label, name in enumerate(known)}
    place = {class_name(name): label for name, label in exact.items()} | exact
    _check_known([name for name in dataset.classes if name not in place], known, where)
    places = [place[name] for name in dataset.classes]
    records = tuple(
        replace(record, label=_moved(record.label, places)) for record in dataset.records
    )
    return replace(dataset, records=records, classes=known)


def check_several(dataset: Dataset, where: str) -> None:
    """Raise DataError if there are fewer than two classes; `where` is what errors call the data."""
    if len(dataset.classes) < 2:
        raise DataError(
            f"only one class in {printable(where)}: {', '.join(map(printable, dataset.classes))}",
            hint="a classifier needs at least two; in folders, put images into one folder per "
            "class, such as cat/1.jpg and dog/1.jpg",
        )


def _bounded(images: Iterable[NamedLabel]) -> Iterator[NamedLabel]:
    """Yield the images as long as there is room for as many again."""
    for count, image in enumerate(images):
        if count and count % _LOOK_EVERY == 0:
            check_room(count)
        yield image


def _check_lengths(images: Iterable[NamedLabel], classes: Iterable[str]) -> None:
    for what, names, longest in (
        ("image", (image.name for image in images), LONGEST_NAME),
        ("class", classes, LONGEST_CLASS),
    ):
        if (name := next((each for each in names if len(each) > longest), None)) is not None:
            raise DataError(
                f"the name of a{'n' * (what == 'image')} {what} has {len(name):,} characters, and "
                f"at most {longest:,} are allowed: {printable(name[:_SHOWN])}…"
            )


def _unified(written: Mapping[str, int]) -> tuple[Finding, ...]:
    """Return the names that are not in the form in which they are compared, with their images."""
    return finding(
        FindingKind.UNIFIED_CLASSES,
        (
            Occurrence((name,), f"{_difference(name)}, {count_of(count, 'image')}")
            for name, count in sorted(written.items())
            if name != class_name(name)
        ),
    )


def _difference(name: str) -> str:
    """Return in what a name differs from the form in which it is compared."""
    in_nfc = unicodedata.is_normalized("NFC", name)
    return f"taken as {class_name(name)}" if in_nfc else "stored in another Unicode form than NFC"


def _combined(classes: Sequence[str]) -> tuple[Finding, ...]:
    """Return the classes that look like several labels of an image."""
    parts = {name: _PERHAPS_SEPARATED.split(name) for name in classes}
    words = {word for each in parts.values() for word in each}
    # Tags such as `haze primary` and `clear primary water`: many classes of a few words.
    tags = _WORDS_PER_CLASS * len(classes) >= len(words)
    return finding(
        FindingKind.COMBINED_LABELS,
        (
            Occurrence((name,))
            for name in classes
            if len(_SEPARATED.split(name)) > 1
            or (len(parts[name]) > 1 and (tags or parts.keys() >= set(parts[name])))
        ),
    )


def _moved(label: int | tuple[int, ...], places: Sequence[int]) -> int | tuple[int, ...]:
    if isinstance(label, int):
        return places[label]
    return tuple(sorted({places[each] for each in label}))


def _check_known(unknown: Sequence[str], classes: Sequence[str], where: str) -> None:
    if not unknown:
        return
    near = [
        f"{printable(name)} is similar to {either(match)}"
        for name in unknown
        if (match := similar_names(name, classes))
    ]
    names = ", ".join(map(printable, unknown))
    raise DataError(
        f"unknown {plural('class', len(unknown))} {names} in {printable(where)}; "
        f"known: {join_few(classes, _CLASSES_SHOWN)}",
        hint="; ".join(near) or f"rename or remove {'it' if len(unknown) == 1 else 'them'}",
    )
