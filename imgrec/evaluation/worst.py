"""Where a model goes wrong most, for readers who can't read a large confusion matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imgrec.evaluation.metrics import ClassResult, Evaluation
from imgrec.scores import Scores


class Confused(NamedTuple):
    """So many `images` of the class `truth` were taken for the class `prediction`."""

    truth: str
    prediction: str
    images: int


class Mistake(NamedTuple):
    """An image taken for another class, with the probabilities in [0, 1] of both classes."""

    name: str
    truth: str
    prediction: str
    of_truth: float
    of_prediction: float


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


def worst_mistakes(scores: Scores, limit: int, pair: Confused | None = None) -> tuple[Mistake, ...]:
    """Return up to `limit` mistakes, the highest loss first: of one pair of classes, or of all."""
    if scores.truth is None:
        return ()
    predicted = scores.probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != scores.truth)
    if pair is not None:
        truth, prediction = (scores.classes.index(name) for name in pair[:2])
        wrong = wrong[(scores.truth[wrong] == truth) & (predicted[wrong] == prediction)]
    of_truth = scores.probabilities[wrong, scores.truth[wrong]]
    chosen = wrong[np.argsort(of_truth, kind="stable")[:limit]]
    return tuple(_mistake(scores, row, predicted[row]) for row in chosen)


def _mistake(scores: Scores, row: int, predicted: int) -> Mistake:
    truth = 0 if scores.truth is None else int(scores.truth[row])
    of_truth, of_prediction = scores.probabilities[row, [truth, predicted]]
    return Mistake(
        scores.names[row],
        scores.classes[truth],
        scores.classes[predicted],
        float(of_truth),
        float(of_prediction),
    )
