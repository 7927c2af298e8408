"""Folds for cross-validation: parts of a data set, each of which is held out once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imgrec.data.records import Dataset, Record, Splits, first_multilabel
from imgrec.data.split import check_sizes, draw, split, split_groups
from imgrec.errors import DataError
from imgrec.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def hold_out(
    splits: Splits,
    number: int,
    of: int,
    seed: int,
    groups: Mapping[str, str] | None = None,
    *,
    fewest: int = 1,
) -> Splits:
    """Return splits whose test images are a fold of the training and validation images.

    The others are divided into training and validation in the same proportion. The test images
    of `splits` are left out.

    Args:
        splits: All images.
        number: The fold to hold out, from 1.
        of: How many folds there are.
        seed: What the division depends on, besides the names.
        groups: The group of each record by its name; a group is not divided.
        fewest: As for `split`.

    Raises:
        DataError: A class has too few images, or groups; or a fold would hold out nothing, or all
            images of a class.
    """
    pool = (*splits.train, *splits.validation)
    share = len(splits.validation) / len(pool)
    if groups is None and first_multilabel(pool):
        groups = {record.name: record.name for record in pool}
    fold_of = deal(pool, splits.classes, of, seed, groups)
    rest = [each for each, fold in zip(pool, fold_of, strict=True) if fold != number - 1]
    held_out = [each for each, fold in zip(pool, fold_of, strict=True) if fold == number - 1]
    dataset = Dataset(tuple(rest), splits.classes, splits.findings)
    if groups is None or not share:
        divided = split(dataset, share, 0, seed, fewest=fewest)
    else:
        divided = split_groups(dataset, [groups[each.name] for each in rest], share, 0, seed)
    return replace(divided, test=tuple(sorted(held_out, key=lambda record: record.name)))


def deal(
    records: Sequence[Record],
    classes: Sequence[str],
    folds: int,
    seed: int,
    groups: Mapping[str, str] | None = None,
) -> list[int]:
    """Return the fold of each record, from 0: each has its share of every class.

    Images are dealt class by class, in random order. Groups are dealt whole: the largest first,
    each to the fold that it brings nearest to its share.

    Raises:
        DataError: A class has fewer images than there are folds, or fewer than two groups; there
            are fewer groups than folds; or one fold has all images of a class.
    """
    units = [record.name if groups is None else groups[record.name] for record in records]
    _check(records, units, classes, 2 if groups else folds, "group" if groups else "image")
    if groups is not None:
        _check_groups(len(set(units)), folds)
        fold_of = _dealt_groups(records, units, len(classes), folds, seed)
        _check_rest(records, fold_of, classes, len(set(units)))
        return fold_of
    order = sorted(
        range(len(records)),
        key=lambda place: (records[place].labels, draw(records[place].name, seed)),
    )
    fold_of = [0] * len(records)
    for turn, place in enumerate(order):
        fold_of[place] = turn % folds
    return fold_of


def _check(
    records: Sequence[Record], units: Sequence[str], classes: Sequence[str], least: int, what: str
) -> None:
    having: list[set[str]] = [set() for _ in classes]
    for record, unit in zip(records, units, strict=True):
        for label in record.labels:
            having[label].add(unit)
    check_sizes(
        classes,
        [len(found) for found in having],
        least,
        "folds",
        otherwise="take fewer folds",
        things=f"{what}s",
    )


def _check_groups(groups: int, folds: int) -> None:
    """Raise DataError if some fold would be empty; else `_dealt_groups` leaves none so."""
    if groups < folds:
        raise DataError(
            f"too few groups to divide into {folds} folds: training and validation images have "
            f"{groups}",
            hint=f"take at most {groups} folds, or smaller groups",
        )


def _check_rest(
    records: Sequence[Record], fold_of: Sequence[int], classes: Sequence[str], groups: int
) -> None:
    """Raise DataError if a class would have no training images where a fold is held out."""
    homes: list[set[int]] = [set() for _ in classes]
    for record, fold in zip(records, fold_of, strict=True):
        for label in record.labels:
            homes[label].add(fold)
    for name, home in zip(classes, homes, strict=True):
        if len(home) == 1:
            raise DataError(
                f"fold {min(home) + 1} has all groups with images of {printable(name)}, and none "
                "would be left for training",
                hint=f"take more folds, up to {groups}, one for each group; or smaller groups",
            )


def _dealt_groups(
    records: Sequence[Record], units: Sequence[str], classes: int, folds: int, seed: int
) -> list[int]:
    import numpy as np

    names = sorted(set(units), key=lambda name: draw(name, seed))
    place_of = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), classes + 1))
    for record, unit in zip(records, units, strict=True):
        counts[place_of[unit], [*record.labels, classes]] += 1
    totals = np.maximum(counts.sum(0), 1)
    held: NDArray[np.float64] = np.zeros((folds, classes + 1))
    fold_of = [0] * len(names)
    for group in sorted(range(len(names)), key=lambda each: -counts[each, -1]):
        # By how much the sum of the squared shares of each class and of all images grows.
        growth = ((2 * held + counts[group]) / totals**2) @ counts[group]
        fold_of[group] = int(np.argmin(growth))
        held[fold_of[group]] += counts[group]
    return [fold_of[place_of[unit]] for unit in units]
