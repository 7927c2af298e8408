"""What a model said about a list of images: the value everything after a model consumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Skipped(NamedTuple):
    """An image that could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Scores:
    """Probabilities of every class for every image.

    names: the images, as the user wrote them or as their path below the data's root.
    truth: int64 (images,), the index of the true class, or None where it is not known.
    probabilities: float32 (images, classes), each row summing to 1.
    classes: the class names, in the order of the columns.
    skipped: the images that could not be read; they are in none of the above.
    familiarity: float32 (images,), how near each image is to the training images, -1 to 1; None
    where the model doesn't tell.
    """

    names: tuple[str, ...]
    truth: NDArray[np.int64] | None
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    familiarity: NDArray[np.float32] | None = None

    def where(self, mask: NDArray[np.bool_]) -> Scores:
        """Return the scores of the images where `mask`, bool (images,), holds; none skipped."""
        return Scores(
            names=tuple(name for name, kept in zip(self.names, mask, strict=True) if kept),
            truth=None if self.truth is None else self.truth[mask],
            probabilities=self.probabilities[mask],
            classes=self.classes,
            familiarity=None if self.familiarity is None else self.familiarity[mask],
        )
