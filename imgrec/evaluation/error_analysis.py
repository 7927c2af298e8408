"""The mistakes of a model: its worst classes, the most confused pairs, the worst images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.results import ClassResult, Evaluation
from imgrec.scores import Scores


class ConfusedPair(NamedTuple):
    """How many images of the class `truth` were predicted to be of the class `prediction`.

    If an image may have several classes, one of the two is a class, the other `not` that class.
    """

    truth: str
    prediction: str
    images: int


class Mistake(NamedTuple):
    """A wrong prediction, with the probabilities in [0, 1] of both classes.

    If the image may have several classes, one of the two is a class, the other `not` that class.
    row: the position of the image in the list that was scored.
    """

    name: str
    truth: str
    prediction: str
    of_truth: float
    of_prediction: float
    row: int


def measured_classes(evaluation: Evaluation) -> tuple[ClassResult, ...]:
    """Return the classes that have images, in their order; all classes if none has any."""
    found = tuple(result for result in evaluation.per_class if result.support)
    return found or evaluation.per_class


def all_or_worst_classes(evaluation: Evaluation, limit: int) -> tuple[ClassResult, ...]:
    """Return the `measured_classes`, or the `worst_classes` if there are more than `limit`."""
    found = measured_classes(evaluation)
    return found if len(found) <= limit else worst_classes(evaluation, limit)


def worst_classes(evaluation: Evaluation, limit: int) -> tuple[ClassResult, ...]:
    """Return up to `limit` of the `measured_classes`, the lowest F1 first."""
    found = measured_classes(evaluation)
    return tuple(sorted(found, key=lambda result: result.metrics["f1"].value)[:limit])


def most_confused(evaluation: Evaluation, limit: int) -> tuple[ConfusedPair, ...]:
    """Return up to `limit` pairs of truth and wrong prediction, the most frequent first."""
    names = evaluation.classes
    if evaluation.multi_label:
        options = [(_without(name), name) for name in names]
        matrices = zip(options, evaluation.confusion, strict=True)
        pairs = [pair for names, matrix in matrices for pair in _confused(matrix, names)]
    else:
        pairs = _confused(evaluation.confusion, names)
    return tuple(sorted(pairs, key=lambda pair: -pair.images)[:limit])


def _confused(matrix: NDArray[np.int64], names: Sequence[str]) -> list[ConfusedPair]:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    return [
        ConfusedPair(names[truth], names[prediction], int(wrong[truth, prediction]))
        for truth, prediction in np.argwhere(wrong)
    ]


def _without(name: str) -> str:
    return f"not {name}"


def worst_mistakes(
    scores: Scores, limit: int, pair: ConfusedPair | None = None
) -> tuple[Mistake, ...]:
    """Return up to `limit` mistakes, the highest loss first: of one pair of classes, or of all."""
    if scores.truth is None:
        return ()
    if scores.multi_label:
        return _worst_answers(scores, limit, pair)
    predicted, labels = scores.probabilities.argmax(axis=1), scores.true_labels
    wrong = np.flatnonzero(predicted != labels)
    if pair is not None:
        truth, prediction = (scores.classes.index(name) for name in pair[:2])
        wrong = wrong[(labels[wrong] == truth) & (predicted[wrong] == prediction)]
    of_truth = scores.probabilities[wrong, labels[wrong]]
    chosen = wrong[np.argsort(of_truth, kind="stable")[:limit]]
    return tuple(_mistake(scores, row, labels[row], predicted[row]) for row in chosen)


def _worst_answers(scores: Scores, limit: int, pair: ConfusedPair | None) -> tuple[Mistake, ...]:
    positives, probabilities = scores.positives, scores.probabilities
    rows, labels = np.nonzero(scores.answers != positives)
    has, found = positives[rows, labels], probabilities[rows, labels]
    of_truth = np.where(has, found, 1 - found)
    mistakes = []
    for place in np.argsort(of_truth, kind="stable"):
        name, probability = scores.classes[labels[place]], float(of_truth[place])
        truth, prediction = (name, _without(name)) if has[place] else (_without(name), name)
        if pair is None or (truth, prediction) == pair[:2]:
            image = rows[place]
            mistakes.append(
                Mistake(
                    scores.names[image],
                    truth,
                    prediction,
                    probability,
                    1 - probability,
                    int(scores.rows[image]),
                )
            )
        if len(mistakes) == limit:
            break
    return tuple(mistakes)


def _mistake(scores: Scores, row: int, truth: int, predicted: int) -> Mistake:
    of_truth, of_prediction = scores.probabilities[row, [truth, predicted]]
    return Mistake(
        scores.names[row],
        scores.classes[truth],
        scores.classes[predicted],
        float(of_truth),
        float(of_prediction),
        int(scores.rows[row]),
    )
