"""Where a model had better say that it does not know: the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import BadImage
from imgrec.evaluation.selective_prediction import NO_LIMITS, Limits, is_answered
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Scores

LIKELY = 0.5
"""The probability from which on a class is taken to be there where the run sets none."""


@dataclass(frozen=True)
class AnswerRule:
    """What an answer has to reach.

    limits: below which it is "unknown". thresholds: of each class, where an image may have several
    or none; what reaches none of them is unknown.
    """

    limits: Limits = NO_LIMITS
    thresholds: tuple[float, ...] | None = None

    def named(self, answers: ModelOutput, classes: Sequence[str]) -> NDArray[np.bool_]:
        """Return which classes each image is said to have, bool (images, classes).

        The most probable; where an image may have several, those that reach their thresholds. None
        where the answer is "unknown".
        """
        scores = Scores(
            tuple(map(str, range(len(answers.probabilities)))),
            None,
            answers.probabilities,
            tuple(classes),
            ood_similarity=answers.ood_similarity,
            thresholds=self.thresholds,
        )
        known = np.asarray(is_answered(scores, self.limits))
        return scores.answers & known[:, np.newaxis]

    def of(self, column: int) -> float:
        """Return the probability from which on a class is taken to be there."""
        if self.thresholds is not None:
            return self.thresholds[column]
        return LIKELY if self.limits.threshold is None else self.limits.threshold


def largest_window(size: tuple[int, int], spec: ImageSpec, name: str) -> float:
    """Return how many times as large as the model's input the largest window of a picture is.

    size: (width, height) of the picture. Raises BadImage where it is less than half: to enlarge
    that more than twofold shows nothing.
    """
    largest = min(size[0] / spec.width, size[1] / spec.height)
    if largest < 1 / 2:
        least = f"{-(-spec.width // 2)}x{-(-spec.height // 2)}"
        reason = f"{size[0]}x{size[1]} pixels, smaller than the smallest window ({least})"
        raise BadImage(name, reason)
    return largest
