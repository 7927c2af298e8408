"""The labelled photos of a classifier at one moment, as the solver takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.classifiers import StoredPhoto
from imgrec.training.logistic import LabelledPhotos

FEWEST = 2
"""How many photos a class needs to be in a model, and how many classes a model needs."""


@dataclass(frozen=True)
class TooFew:
    """A class with too few photos for a model."""

    class_name: str
    photos: int
    needed: int = FEWEST


@dataclass(frozen=True)
class Examples:
    """Labelled photos, sorted by SHA-256.

    revision: of the classifier. photos: those of the classes that have enough. features: float32
    (photos, features). grey: uint8 (photos, 32, 32). classes: sorted. too_few: the classes that
    have some photos, but not enough.
    """

    revision: int
    photos: Sequence[StoredPhoto]
    features: NDArray[np.float32] = field(repr=False)
    grey: NDArray[np.uint8] = field(repr=False)
    classes: tuple[str, ...]
    too_few: tuple[TooFew, ...]

    @property
    def solvable(self) -> bool:
        """Whether there are enough photos for a model."""
        return len(self.classes) >= FEWEST

    @property
    def labels(self) -> NDArray[np.intp]:
        """The index of the class of each photo."""
        places = {name: place for place, name in enumerate(self.classes)}
        return np.array([places[str(each.class_name)] for each in self.photos], np.intp)

    @property
    def names(self) -> tuple[str, ...]:
        """The path of each photo below the folder of the photos."""
        return tuple(f"{each.class_name}/{each.sha256}.{each.suffix}" for each in self.photos)

    def labelled(self) -> LabelledPhotos:
        """Return what the solver takes."""
        hashes = [each.sha256 for each in self.photos]
        return LabelledPhotos(self.labels, hashes, self.names, self.classes)


def examples_of(
    revision: int,
    labelled: Sequence[StoredPhoto],
    features: Mapping[str, tuple[NDArray[np.float32], NDArray[np.uint8]]],
) -> Examples:
    """Return the examples among labelled photos, which are sorted by SHA-256."""
    counts: dict[str, int] = {}
    for each in labelled:
        counts[str(each.class_name)] = counts.get(str(each.class_name), 0) + 1
    enough = {name for name, count in counts.items() if count >= FEWEST}
    used = [each for each in labelled if each.class_name in enough]
    known = [features[each.sha256] for each in used]
    return Examples(
        revision,
        used,
        _stacked([values for values, _ in known]) if known else np.empty((0, 0), np.float32),
        _stacked([grey for _, grey in known]) if known else np.empty((0, 0, 0), np.uint8),
        tuple(sorted(enough)),
        tuple(TooFew(name, counts[name]) for name in sorted(counts) if name not in enough),
    )


def _stacked(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return an array of rows, sorted by SHA-256; no copy if they are all those of another one."""
    whole = rows[0].base
    if whole is not None and len(whole) == len(rows) and all(each.base is whole for each in rows):
        return whole
    return np.stack(rows)
