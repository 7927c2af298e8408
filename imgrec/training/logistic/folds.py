"""The folds of a cross-validation, as a function of the set of labelled photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError
from imgrec.text import count_of, join_few, printable
from imgrec.training.logistic.photos import LabelledPhotos

FOLDS = 5
"""In how many parts the photos are cross-validated, if every class has that many."""

_FEWEST = 2


def deal_folds(photos: LabelledPhotos, wanted: int | None = None) -> NDArray[np.intp]:
    """Return the fold of each different photo, sorted by SHA-256.

    The photos of a class are dealt in turn. If they have groups, whole groups are dealt, the
    largest first, each to the fold with the smallest share of its classes.

    Args:
        photos: Their order does not matter.
        wanted: How many folds. By default 5, or as many as the smallest class has photos or groups.

    Raises:
        DataError: As `canonical_rows`; or a class has too few photos or groups.
    """
    rows = photos.canonical_rows()
    labels = photos.labels[rows]
    if not photos.groups:
        return _dealt(labels, _number(photos, np.bincount(labels), "different photo", wanted))
    groups = photos.canonical_groups(rows)
    counts = np.zeros((groups.max() + 1, len(photos.classes)))
    np.add.at(counts, (groups, labels), 1)
    folds = _number(photos, (counts > 0).sum(0), "group", wanted)
    return _dealt_groups(photos, counts, folds)[groups]


def _number(photos: LabelledPhotos, counts: NDArray[np.intp], kind: str, wanted: int | None) -> int:
    """Return the number of folds, for so many photos or groups of each class."""
    smallest, least = int(counts.argmin()), int(counts.min())
    folds = max(_FEWEST, min(FOLDS, least)) if wanted is None else wanted
    if _FEWEST <= folds <= least:
        return folds
    possible = f"2 to {least} folds are possible, or add " if least >= _FEWEST else "add "
    raise DataError(
        f"{printable(photos.classes[smallest])} has {count_of(least, kind)}, "
        f"too few for {count_of(folds, 'fold')}",
        hint=f"{possible}photos" + (", or make the groups smaller" if photos.groups else ""),
    )


def _dealt(labels: NDArray[np.intp], folds: int) -> NDArray[np.intp]:
    by_class = np.argsort(labels, kind="stable")
    found = np.empty(len(by_class), np.intp)
    found[by_class] = np.arange(len(by_class)) % folds
    return found


def _dealt_groups(
    photos: LabelledPhotos, counts: NDArray[np.float64], folds: int
) -> NDArray[np.intp]:
    """Return the fold of each group; counts: photos by (group, class)."""
    weights = counts / counts.sum(0) ** 2
    held = np.zeros((folds, counts.shape[1]))
    found = np.empty(len(counts), np.intp)
    for group in np.argsort(-counts.sum(1), kind="stable"):
        found[group] = fold = np.lexsort((held.sum(1), held @ weights[group]))[0]
        held[fold] += counts[group]
    alone = np.flatnonzero((held > 0).sum(0) < _FEWEST)
    if alone.size:
        names = join_few([printable(photos.classes[each]) for each in alone.tolist()])
        raise DataError(
            f"{count_of(len(counts), 'group')} can't be divided into {count_of(folds, 'fold')}: "
            f"all photos of {names} would be in one",
            hint="make the groups smaller",
        )
    return found
