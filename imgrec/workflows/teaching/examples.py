"""The labelled photos of a classifier at one moment, as the solver takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imgrec.classifiers import StoredPhoto
from imgrec.text import join_few, printable
from imgrec.training.logistic import LabelledPhotos
from imgrec.workflows.teaching.features import Features, FeatureTable

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

    revision: of the classifier. photos: those of the classes that have enough. classes: sorted.
    too_few: the classes that have some photos, but not enough. known: the features of the photos.
    """

    revision: int
    photos: Sequence[StoredPhoto]
    classes: tuple[str, ...]
    too_few: tuple[TooFew, ...]
    known: Features = field(repr=False)

    @property
    def features(self) -> NDArray[np.float32]:
        """Those of the photos, float32 (photos, features)."""
        return self.known.values

    @property
    def solvable(self) -> bool:
        """Whether there are enough photos for a model."""
        return len(self.classes) >= FEWEST

    @property
    def complete(self) -> bool:
        """Whether there is a model, and it has all classes with photos."""
        return self.solvable and not self.too_few

    @property
    def missing(self) -> str:
        """What a model of all classes lacks, in words, if it is not `complete`."""
        single = [printable(each.class_name) for each in self.too_few]
        names = [*map(printable, self.classes), *single]
        if not names:
            return "there are no photos with a class"
        if not single:
            return f"{names[0]} is the only class with photos"
        has = "has" if len(single) == 1 else "have"
        alone = ", and no other class has any" if len(names) == 1 else ""
        return f"{join_few(single)} {has} only one photo{alone}"

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


def examples_of(revision: int, labelled: Sequence[StoredPhoto], table: FeatureTable) -> Examples:
    """Return the examples among labelled photos, which are sorted by SHA-256."""
    counts = Counter(str(each.class_name) for each in labelled)
    enough = {name for name, count in counts.items() if count >= FEWEST}
    used = [each for each in labelled if each.class_name in enough]
    return Examples(
        revision,
        used,
        tuple(sorted(enough)),
        tuple(TooFew(name, counts[name]) for name in sorted(counts) if name not in enough),
        table.of([each.sha256 for each in used]),
    )
