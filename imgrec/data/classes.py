"""From class names to labels, with one order of classes for all splits of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imgrec.data.records import Dataset, ImageSource, Record
from imgrec.errors import DataError, UsageError
from imgrec.text import join_few, nearest, printable

_CLASSES_SHOWN = 10


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

    Args:
        images: In any order.
        order: The order of the classes; by default, they are sorted.
        multi_label: Whether an image may have several classes, or none.
    """
    found = list(images)
    there = {name for image in found for name in image.classes}
    classes = tuple(name for name in (sorted(there) if order is None else order) if name in there)
    index = {name: label for label, name in enumerate(classes)}
    records = []
    for image in found:
        labels = tuple(sorted({index[name] for name in image.classes}))
        label = labels if multi_label else labels[0]
        records.append(Record(image.name, label, image.source, image.extra))
    return Dataset(tuple(sorted(records, key=lambda record: record.name)), classes)


def by_number(name: str) -> tuple[bool, int, str]:
    """Return a key that sorts class names that are whole numbers by value, before others."""
    is_number = name.isascii() and name.removeprefix("-").isdecimal()
    return not is_number, int(name) if is_number else 0, name


def renamed(dataset: Dataset, names: Mapping[str, str], where: str) -> Dataset:
    """Return `dataset` with the classes renamed that are in `names`.

    Several classes may then have the same name, until `relabelled` makes them one. where: what
    errors call the data set. Raises UsageError for a class that doesn't exist.
    """
    for name in names:
        if name not in dataset.classes:
            raise UsageError(
                f"no class {printable(name)} in {printable(where)}, to be renamed to "
                f"{printable(names[name])}",
                hint=f"it has {join_few(dataset.classes, _CLASSES_SHOWN)}",
            )
    return replace(dataset, classes=tuple(names.get(name, name) for name in dataset.classes))


def relabelled(dataset: Dataset, classes: Sequence[str], where: str) -> Dataset:
    """Return `dataset` with labels that are indices into `classes`, which keep their order.

    where: what errors call the data set. Raises DataError for a class that is not in `classes`.
    """
    known = tuple(classes)
    if dataset.classes == known:
        return dataset
    _check_known([name for name in dataset.classes if name not in known], known, where)
    places = [known.index(name) for name in dataset.classes]
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


def _moved(label: int | tuple[int, ...], places: Sequence[int]) -> int | tuple[int, ...]:
    if isinstance(label, int):
        return places[label]
    return tuple(sorted({places[each] for each in label}))


def _check_known(unknown: Sequence[str], classes: Sequence[str], where: str) -> None:
    if not unknown:
        return
    near = [
        f"{printable(name)} is similar to {printable(match)}"
        for name in unknown
        if (match := nearest(name, classes)) is not None
    ]
    plural = "es" if len(unknown) > 1 else ""
    raise DataError(
        f"unknown class{plural} {', '.join(map(printable, unknown))} in {printable(where)}; "
        f"known: {join_few(classes, _CLASSES_SHOWN)}",
        hint="; ".join(near) or "rename or remove it",
    )
