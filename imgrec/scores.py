"""What a model said about a list of images: the value everything after a model consumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.text import join_names


class Skipped(NamedTuple):
    """An image that could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Scores:
    """Probabilities of every class for every image.

    Where an image may have several classes, or none, each has a probability and a threshold of
    its own.

    names: the images, as the user wrote them or as their path below the data's root.
    truth: int64 (images,), the index of the true class; with thresholds bool (images, classes),
    whether the class is in the image; None where it is not known.
    probabilities: float32 (images, classes), each row summing to 1; with thresholds each by
    itself in [0, 1].
    classes: the class names, in the order of the columns.
    thresholds: the probability from which on an image has the class, of each class; None where
    an image has one class, the most probable.
    skipped: the images that could not be read; they are in none of the above.
    ood_similarity: float32 (images,), how near each image is to the training images, -1 to 1; None
    where the model doesn't tell.
    """

    names: tuple[str, ...]
    truth: NDArray[Any] | None
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    ood_similarity: NDArray[np.float32] | None = None
    thresholds: tuple[float, ...] | None = None

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several classes, or none."""
        return self.thresholds is not None

    @property
    def answers(self) -> NDArray[np.bool_]:
        """The classes that each image is said to have, bool (images, classes)."""
        if self.thresholds is not None:
            # In float64: a threshold between two neighbours in float32 would be rounded to one.
            return self.probabilities >= np.array(self.thresholds, np.float64)
        return self._one_hot(self.probabilities.argmax(axis=1))

    @property
    def positives(self) -> NDArray[np.bool_]:
        """The classes that each image has, bool (images, classes).

        Raises ValueError where that is not known.
        """
        if self.truth is None:
            raise ValueError("the truth of these scores is not known")
        return self.truth if self.truth.ndim == 2 else self._one_hot(self.truth)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each image is said to have all of its classes and no other, bool (images,)."""
        right: NDArray[np.bool_] = (self.answers == self.positives).all(axis=1)
        return right

    def named(self, which: NDArray[np.bool_]) -> str:
        """Return the names of some classes, bool (classes,), as one text."""
        return join_names(self.classes[index] for index in np.flatnonzero(which))

    def _one_hot(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.arange(len(self.classes)) == labels[:, np.newaxis]
        return found

    def where(self, mask: NDArray[np.bool_]) -> Scores:
        """Return the scores of the images where `mask`, bool (images,), holds; none skipped."""
        return self.at(np.flatnonzero(mask))

    def at(self, places: NDArray[np.int64]) -> Scores:
        """Return the scores of the images at `places`, in that order; none skipped."""
        return Scores(
            names=tuple(self.names[place] for place in places),
            truth=None if self.truth is None else self.truth[places],
            probabilities=self.probabilities[places],
            classes=self.classes,
            ood_similarity=None if self.ood_similarity is None else self.ood_similarity[places],
            thresholds=self.thresholds,
        )
