"""Where a model goes wrong most, for readers who can't read a large confusion matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imgrec.evaluation.metrics import ClassResult, Evaluation


class Confused(NamedTuple):
    """So many `images` of the class `truth` were taken for the class `prediction`."""

    truth: str
    prediction: str
    images: int


def worst_classes(evaluation: Evaluation, limit: int) -> tuple[ClassResult, ...]:
    """Return up to `limit` classes that have images, the lowest F1 first."""
    seen = [result for result in evaluation.per_class if result.support]
    return tuple(sorted(seen, key=lambda result: result.f1.value)[:limit])


def most_confused(evaluation: Evaluation, limit: int) -> tuple[Confused, ...]:
    """Return up to `limit` pairs of truth and wrong prediction, the most frequent first."""
    wrong = evaluation.confusion.copy()
    np.fill_diagonal(wrong, 0)
    pairs = np.argwhere(wrong)
    counts = wrong[wrong > 0]
    order = np.argsort(-counts, kind="stable")[:limit]
    names = evaluation.classes
    return tuple(
        Confused(names[truth], names[prediction], int(count))
        for (truth, prediction), count in zip(pairs[order], counts[order], strict=True)
    )
