"""Dividing a data set into splits, without dividing images that belong together."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from imgrec.data.records import Dataset, Record, Splits
from imgrec.errors import DataError, GroupError
from imgrec.expressions import search_names
from imgrec.interface import setting
from imgrec.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PARTS = "training", "validation", "test"
_EVERY_IMAGE = "every image needs a group"


def split(
    dataset: Dataset, validation: float, test: float, seed: int, *, fewest: int = 1
) -> Splits:
    """Divide `dataset` class by class; a split whose fraction is 0 stays empty.

    An image's split depends on its name, the names of its class's other images and the seed.

    Args:
        dataset: Its images have one label each.
        validation: Fraction of each class, kept to within one image per class, except that every
            split has at least one image of every class.
        test: The same for the test split; both together are below 1, the rest is for training.
        seed: Any whole number.
        fewest: How many images of each class the training needs at least.

    Raises:
        DataError: A class has too few images.
    """
    shares = (1 - validation - test, validation, test)
    if min(validation, test) < 0 or shares[0] <= 0:
        raise DataError(f"fractions of {validation} and {test} leave nothing for training")
    groups = _by_class(dataset)
    *before, last = [name for name, share in zip(_PARTS, shares, strict=True) if share > 0]
    sizes = [len(group) for group in groups]
    without = f"take none for {last} with {setting(f'data.split.{last}', '0')}"
    check_sizes(
        dataset.classes,
        sizes,
        len(before) + fewest if before else 1,
        f"{', '.join(before)} and {last} images",
        otherwise=without if min(sizes) >= fewest else "",
    )
    parts: tuple[list[Record], ...] = ([], [], [])
    for group in groups:
        shuffled = sorted(group, key=lambda record: draw(record.name, seed))
        for part, count in zip(parts, _counts(len(group), shares), strict=True):
            part.extend(shuffled[:count])
            del shuffled[:count]
    train, valid, held_out = (tuple(sorted(part, key=lambda one: one.name)) for part in parts)
    return Splits(dataset.classes, train, valid, held_out, dataset.findings)


def draw_part(records: Sequence[Record], fraction: float, seed: int) -> frozenset[str]:
    """Return the names of a part of the images: a fraction of each class, but never all of it.

    Args:
        records: Images with one label each.
        fraction: Of each class, to within one image; from 0 to 1.
        seed: Any whole number.
    """
    by_class: dict[tuple[int, ...], list[str]] = {}
    for record in records:
        by_class.setdefault(record.labels, []).append(record.name)
    found: list[str] = []
    for names in by_class.values():
        count = min(round(fraction * len(names)), len(names) - 1)
        found.extend(sorted(names, key=lambda name: draw(name, seed))[:count])
    return frozenset(found)


def stratified(records: Sequence[Record], count: int, seed: int) -> tuple[Record, ...]:
    """Return `count` of the records in their order, each class by its share.

    Images with several labels are taken by their sets of labels. A class has at least one record
    if there are enough for all. The choice depends on names, labels and seed alone.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index in sorted(range(len(records)), key=lambda index: draw(records[index].name, seed)):
        groups.setdefault(records[index].labels, []).append(index)
    ranked = sorted(
        (place / len(group), -len(group), labels, index)
        for labels, group in groups.items()
        for place, index in enumerate(group)
    )
    return tuple(records[index] for index in sorted(index for *_, index in ranked[:count]))


def draw(name: str, seed: int) -> bytes:
    """Return a record's sort key in a random order that is the same on every machine."""
    return hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogatepass")).digest()


def _by_class(dataset: Dataset) -> list[list[Record]]:
    groups: list[list[Record]] = [[] for _ in dataset.classes]
    for record in dataset.records:
        (label,) = record.labels
        groups[label].append(record)
    return groups


def check_sizes(
    classes: Sequence[str],
    sizes: Sequence[int],
    least: int,
    parts: str,
    *,
    otherwise: str,
    things: str = "images",
) -> None:
    """Raise DataError if a class is too small to be divided.

    Args:
        classes: The names of the classes.
        sizes: How many things each has.
        least: How many each needs.
        parts: What they are divided into.
        otherwise: What helps apart from adding things; empty if nothing does.
        things: What is divided.
    """
    small = [
        f"{printable(name)} ({size})"
        for name, size in zip(classes, sizes, strict=True)
        if size < least
    ]
    if small:
        raise DataError(
            f"too few {things} to divide into {parts}: {', '.join(small)}",
            hint=f"every class needs at least {least} {things}: add some"
            + (f", or {otherwise}" if otherwise else ""),
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


_Counts: TypeAlias = "NDArray[np.float64]"


def groups_of(records: Sequence[Record], group: str) -> tuple[str, ...]:
    """Return the group of each record.

    group: a key of `Record.extra` if the records have it, else a regular expression that is
    searched in the record's name: its first group, or the whole match if it has none.
    Raises GroupError if it is neither, takes too long, or leaves a record without a group.
    """
    if any(group in record.extra for record in records):
        return tuple(_column(record, group) for record in records)
    try:
        found = search_names(group, [record.name for record in records])
    except ValueError as error:
        raise GroupError(
            f"is neither a column nor a regular expression that can be used: {error}",
            hint="quote a regular expression, such as 'cam(\\d+)'",
        ) from error
    _check_matched(group, found, records)
    return tuple(found)


def check_apart(groups: Mapping[str, Sequence[str]]) -> None:
    """Raise DataError if a group is in more than one of the splits that the data came in."""
    home: dict[str, str] = {}
    for part, names in groups.items():
        for name in dict.fromkeys(names):
            if home.setdefault(name, part) != part:
                raise DataError(
                    f"group {printable(name)} has both {home[name]} and {part} images",
                    hint="put all of its images into one split, or make the groups smaller",
                )


def split_groups(
    dataset: Dataset,
    groups: Sequence[str],
    validation: float,
    test: float,
    seed: int,
) -> Splits:
    """Divide `dataset` by whole groups; `groups` holds that of each record.

    Greedy: the largest groups first, equal ones in random order, each to the split that it
    brings nearest to its fraction of every class and of all images. Every class has a group in
    training, and every split with a fraction has a group. Images with several labels are divided
    in this way, as groups of one image each.

    validation, test, seed: as for `split`. Raises DataError if there are too few groups.
    """
    import numpy as np

    shares = np.array([1 - validation - test, validation, test])
    names = sorted(set(groups), key=lambda name: draw(name, seed))
    places = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), len(dataset.classes)))
    for record, group in zip(dataset.records, groups, strict=True):
        counts[places[group], list(record.labels)] += 1
    sizes = np.bincount([places[group] for group in groups]).astype(np.float64)
    parts = _assigned(counts, sizes, shares)
    found: tuple[list[Record], ...] = ([], [], [])
    for record, group in zip(dataset.records, groups, strict=True):
        found[parts[places[group]]].append(record)
    train, valid, held_out = (tuple(sorted(part, key=lambda one: one.name)) for part in found)
    return Splits(dataset.classes, train, valid, held_out, dataset.findings)


def _assigned(counts: _Counts, sizes: _Counts, shares: _Counts) -> list[int]:
    """Return the part of each group, groups in drawn order.

    counts: images by (group, class); sizes: by group.
    """
    import numpy as np

    part_of = dict.fromkeys(_one_for_each_class(counts, sizes), 0)
    counts = np.column_stack([counts, sizes])
    held = np.zeros((len(shares), counts.shape[1]))
    held[0] = counts[list(part_of)].sum(0)
    rest = [group for group in range(len(counts)) if group not in part_of]
    totals = counts.sum(0)
    rest.sort(key=lambda group: -sizes[group])
    wanted = [part for part, share in enumerate(shares) if share > 0]
    empty = wanted[1:]
    if len(rest) < len(empty):
        raise DataError(
            f"too few groups: {len(counts)}; training needs one with each class, and "
            "validation and test need others",
            hint="divide into fewer parts, or make the groups smaller",
        )
    for index, group in enumerate(rest):
        allowed = empty if len(rest) - index <= len(empty) else wanted
        change = _change(counts[group], held, totals, shares)
        part = min(allowed, key=lambda each: change[each])
        part_of[group], held[part] = part, held[part] + counts[group]
        empty = [each for each in empty if each != part]
    return [part_of[group] for group in range(len(counts))]


def _one_for_each_class(counts: _Counts, sizes: _Counts) -> list[int]:
    """Return groups that together have an image of every class: rare classes' smallest first."""
    import numpy as np

    chosen: list[int] = []
    covered = np.zeros(counts.shape[1], bool)
    for label in np.argsort((counts > 0).sum(0), kind="stable"):
        if not covered[label]:
            having = np.flatnonzero(counts[:, label])
            chosen.append(int(having[np.argmin(sizes[having])]))
            covered |= counts[chosen[-1]] > 0
    return chosen


def _change(group: _Counts, held: _Counts, totals: _Counts, shares: _Counts) -> list[float]:
    """Return for each part how the squared distance from its share changes with `group`.

    The columns are the classes and, as the last one, all images. Summed are the distance of all
    images and the mean one of the classes.
    """
    import numpy as np

    lacking = (np.outer(shares, totals) - held) / totals
    share = group / totals
    by_column = share * (share - 2 * lacking)
    change: list[float] = (by_column[:, :-1].mean(1) + by_column[:, -1]).tolist()
    return change


def _column(record: Record, column: str) -> str:
    value = record.extra.get(column, "")
    if not value.strip():
        raise GroupError(
            f"names column {printable(column)}, which is empty for {printable(record.name)}",
            hint=_EVERY_IMAGE,
        )
    return value


def _check_matched(group: str, found: Sequence[str], records: Sequence[Record]) -> None:
    for match, record in zip(found, records, strict=True):
        if not match:
            raise GroupError(
                f"{printable(group)} is not a column, and as a regular expression it matches "
                f"nothing in {printable(record.name)}",
                hint=_EVERY_IMAGE,
            )
