"""What the probabilities are worth: their losses, how far they can be believed, what to answer.

Calibration error: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks",
2017, with its 15 bins of equal width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.results import CoverageCurve, ReliabilityBin
from imgrec.scores import Scores

BINS = 15
_POINTS = 200
_EDGES = np.linspace(0, 1, BINS + 1)

_Floats = NDArray[np.float64]


def options(scores: Scores) -> NDArray[Any]:
    """Return the probabilities of the options of each choice, (choices, options).

    An image is a choice between its classes; where it may have several, each class is a choice
    of its own, image by image, between not having it and having it.
    """
    if not scores.multi_label:
        return scores.probabilities
    having = scores.probabilities.ravel().astype(np.float64)
    return np.stack([1 - having, having], axis=1)


def true_options(scores: Scores) -> NDArray[np.int64]:
    """Return the index of the right option of each choice, int64 (choices,)."""
    return known_truth(scores).ravel().astype(np.int64)


def known_truth(scores: Scores) -> NDArray[Any]:
    """Return the index of each image's class; of several, the matrix of `Scores.positives`."""
    return scores.positives if scores.multi_label else scores.true_labels


def log_losses(scores: Scores) -> _Floats:
    """Return each image's cross-entropy in nats, the mean of its choices, float64 (images,).

    Clipped as scikit-learn's log_loss clips in float64, whose one-hot copies of the truth need
    gigabytes at 50,000 images of 1,000 classes.
    """
    probabilities, truth = options(scores), true_options(scores)
    smallest = float(np.finfo(np.float64).eps)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return _by_image(-np.log(np.clip(of_truth, smallest, 1 - smallest)), scores)


def brier_scores(scores: Scores) -> _Floats:
    """Return each image's squared distance from the truth, mean of its choices, float64 (images,).

    Summed over the options, in [0, 2]; with two options half of it, in [0, 1], as scikit-learn's
    brier_score_loss. Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    probabilities, truth = options(scores), true_options(scores)
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    scale = 0.5 if probabilities.shape[1] == 2 else 1.0
    return _by_image(scale * np.maximum(squares - 2 * of_truth + 1, 0), scores)


def reliability(scores: Scores) -> tuple[ReliabilityBin, ...]:
    """Return 15 bins of equal width over the probabilities of `confidences`."""
    confidence, right = (each.ravel() for each in confidences(scores))
    bins = _bin_of(confidence)
    answers = np.bincount(bins, minlength=BINS)
    confident = np.bincount(bins, confidence, BINS) / np.maximum(answers, 1)
    accurate = np.bincount(bins, right, BINS) / np.maximum(answers, 1)
    columns = (_EDGES[:-1], _EDGES[1:], confident, accurate, answers)
    return tuple(
        ReliabilityBin(float(low), float(high), float(confidence), float(accuracy), int(count))
        for low, high, confidence, accuracy, count in zip(*columns, strict=True)
    )


def calibration_gaps(scores: Scores) -> _Floats:
    """Return confidence minus accuracy of each image, in the row of its bin, (bins, images).

    The calibration error of any sample of the images is the sum of its bins' absolute sums,
    divided by its images: the mean distance weighed by images. Where an image may have several
    classes, each counts for its share.
    """
    confidence, right = confidences(scores)
    images, answers = confidence.shape
    places = _bin_of(confidence) * images + np.arange(images)[:, np.newaxis]
    gaps = np.bincount(places.ravel(), (confidence - right).ravel(), BINS * images)
    return np.asarray(gaps.reshape(BINS, images) / answers)


def coverage_curve(scores: Scores) -> CoverageCurve:
    """Return accuracy against coverage at about 200 thresholds, the highest first.

    Images of equal confidence are answered together or not at all. Each has one class.
    """
    confidence, right = (each[:, 0] for each in confidences(scores))
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    last_of_equals = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))
    places = np.linspace(0, len(last_of_equals) - 1, min(_POINTS, len(last_of_equals)))
    ends = last_of_equals[places.round().astype(np.int64)]
    return CoverageCurve(
        threshold=confidence[ends],
        coverage=(ends + 1) / len(confidence),
        accuracy=np.cumsum(right[order])[ends] / (ends + 1),
    )


def confidences(scores: Scores) -> tuple[_Floats, _Floats]:
    """Return the probabilities that say how sure a model is, and 1 where it is right, else 0.

    float64 (images, 1) each: of the most probable class. Where an image may have several classes:
    (images, classes), 1 where the image has the class.
    """
    if scores.multi_label:
        return scores.probabilities.astype(np.float64), scores.positives.astype(np.float64)
    right = scores.probabilities.argmax(axis=1) == known_truth(scores)
    highest = scores.probabilities.max(axis=1).astype(np.float64)
    return highest[:, np.newaxis], right.astype(np.float64)[:, np.newaxis]


def _bin_of(confidence: _Floats) -> NDArray[np.int64]:
    """Return the index of each confidence's bin, int64."""
    return np.asarray(np.searchsorted(_EDGES[1:-1], confidence), np.int64)


def _by_image(of_choices: _Floats, scores: Scores) -> _Floats:
    """Return the mean of each image's choices."""
    return np.asarray(of_choices.reshape(len(scores.names), -1).mean(axis=1))
