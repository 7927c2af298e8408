"""A data set divided into training, validation and test, class by class."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from imgrec.data.records import Dataset, Record, Splits
from imgrec.errors import DataError
from imgrec.text import shown


def split(dataset: Dataset, validation: float, test: float, seed: int) -> Splits:
    """Divide `dataset`; a part whose share is 0 stays empty, the rest is for training.

    validation, test: shares of each class, at least 0, together below 1; kept to within one
    image per class, except that every part has at least one image of every class.

    Where an image goes is a function of its name, its class's other names and the seed.
    Raises DataError where a class is too small for it.
    """
    shares = (1 - validation - test, validation, test)
    if min(validation, test) < 0 or shares[0] <= 0:
        raise DataError(f"shares of {validation} and {test} leave nothing for training")
    groups = _by_class(dataset)
    _check_sizes(dataset.classes, groups, shares)
    parts: tuple[list[Record], ...] = ([], [], [])
    for group in groups:
        shuffled = sorted(group, key=lambda record: draw(record.name, seed))
        for part, count in zip(parts, _counts(len(group), shares), strict=True):
            part.extend(shuffled[:count])
            del shuffled[:count]
    train, valid, held_out = (tuple(sorted(part, key=lambda one: one.name)) for part in parts)
    return Splits(dataset.classes, train, valid, held_out, dataset.ignored)


def draw(name: str, seed: int) -> bytes:
    """Return what decides a record's place: the same on every machine and in every version."""
    return hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogatepass")).digest()


def _by_class(dataset: Dataset) -> list[list[Record]]:
    groups: list[list[Record]] = [[] for _ in dataset.classes]
    for record in dataset.records:
        (label,) = record.labels
        groups[label].append(record)
    return groups


def _check_sizes(
    classes: Sequence[str], groups: Sequence[Sequence[Record]], shares: Sequence[float]
) -> None:
    needed = sum(share > 0 for share in shares)
    small = [
        f"{shown(name)} ({len(group)})"
        for name, group in zip(classes, groups, strict=True)
        if len(group) < needed
    ]
    if small:
        raise DataError(
            f"too few images to divide into {needed} parts: {', '.join(small)}",
            hint=f"every class needs at least {needed} images: add some, or split into fewer parts",
        )


def _counts(images: int, shares: Sequence[float]) -> list[int]:
    """Return how many of `images` each share gets: at least one, else by largest remainder."""
    quotas = [images * share for share in shares]
    counts = [max(1, math.floor(quota)) if quota > 0 else 0 for quota in quotas]
    while sum(counts) < images:
        counts[max(range(len(counts)), key=lambda part: quotas[part] - counts[part])] += 1
    while sum(counts) > images:
        shrinkable = [part for part, count in enumerate(counts) if count > 1]
        counts[max(shrinkable, key=lambda part: counts[part] - quotas[part])] -= 1
    return counts
