"""Labelled photos in an order that only depends on their content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError, RunError
from imgrec.text import count_of, join_few, printable

FEWEST_PHOTOS = 2
"""Of each class, so that one can be held out."""

_FEWEST_CLASSES = 2


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos of which each has one class.

    Args:
        labels: int (photos,), positions in `classes`.
        hashes: The SHA-256 of each photo, in hexadecimal.
        names: What messages call each photo.
        classes: The names of the classes.
        groups: The group of each photo: a cross-validation keeps it in one fold. Groups that
            have a photo in common are one. Empty if each photo is on its own.
    """

    labels: NDArray[np.intp]
    hashes: Sequence[str]
    names: Sequence[str]
    classes: Sequence[str]
    groups: Sequence[str] = ()

    def canonical_rows(self) -> NDArray[np.intp]:
        """Return the row of each different photo, sorted by SHA-256.

        Raises:
            DataError: A photo has two classes, a class has fewer than two different photos, or
                there is only one class.
        """
        _, first, place = np.unique(np.array(self.hashes), return_index=True, return_inverse=True)
        self._check_one_class_each(first[place])
        self._check_classes(first)
        return first

    def canonical_groups(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the group of each different photo, numbered in the order of `canonical_rows`."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        _, photo = np.unique(np.array(self.hashes), return_inverse=True)
        _, group = np.unique(np.array(self.groups), return_inverse=True)
        size = len(rows) + int(group.max()) + 1
        edges = np.ones(len(photo), np.int8), (photo, len(rows) + group)
        _, joined = connected_components(coo_array(edges, (size, size)), directed=False)
        _, first, place = np.unique(joined[: len(rows)], return_index=True, return_inverse=True)
        numbers: NDArray[np.intp] = np.argsort(np.argsort(first))[place]
        return numbers

    def check_features(self, features: NDArray[Any]) -> None:
        """Raise an error for features, (photos, features), that give no head.

        Raises:
            DataError: They are all equal.
            RunError: One is not a finite number.
        """
        bad = np.flatnonzero(~np.isfinite(features).all(1)).tolist()
        if bad:
            others = f", and so have {len(bad) - 1:,} more" if len(bad) > 1 else ""
            raise RunError(
                f"{printable(self.names[bad[0]])} has features that are not finite numbers{others}",
                hint="the weights of the backbone are damaged, or not those of its network",
            )
        if (features == features[0]).all():
            raise DataError(
                f"all {count_of(len(features), 'photo')} have the same features, so the classes "
                "can't be told apart",
                hint="`imgrec check` finds images of one colour",
            )

    def _check_one_class_each(self, first: NDArray[np.intp]) -> None:
        """first: for each photo, the first one with the same content."""
        differing = np.flatnonzero(self.labels != self.labels[first]).tolist()
        if differing:
            more = f"; {len(differing) - 1:,} more" if len(differing) > 1 else ""
            raise DataError(
                f"{self._named(int(first[differing[0]]))} and {self._named(differing[0])} are the "
                f"same photo in two classes{more}",
                hint="remove it from one of them",
            )

    def _named(self, row: int) -> str:
        return f"{printable(self.names[row])} ({printable(self.classes[self.labels[row]])})"

    def _check_classes(self, first: NDArray[np.intp]) -> None:
        """first: the different photos."""
        if len(self.classes) < _FEWEST_CLASSES:
            raise DataError("there is only one class; a classifier needs two or more")
        counts = np.bincount(self.labels[first], minlength=len(self.classes))
        few = [
            printable(name)
            for name, count in zip(self.classes, counts, strict=True)
            if count < FEWEST_PHOTOS
        ]
        if few:
            raise DataError(
                f"too few photos of {join_few(few)}: cross-validation needs two different ones "
                "of each class",
                hint="add photos, or remove the class",
            )
