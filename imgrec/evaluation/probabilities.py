"""What the probabilities are worth: their losses, how far they can be believed, what to answer.

Calibration error: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks",
2017, with its 15 bins of equal width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics import Coverage, ReliabilityBin

BINS = 15
_POINTS = 200
_EDGES = np.linspace(0, 1, BINS + 1)

_Floats = NDArray[np.float64]


def log_losses(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> _Floats:
    """Return each image's cross-entropy in nats, float64 (images,).

    Clipped as scikit-learn's log_loss clips in float64, whose one-hot copies of the truth need
    gigabytes at 50,000 images of 1,000 classes.
    """
    smallest = float(np.finfo(np.float64).eps)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return np.asarray(-np.log(np.clip(of_truth, smallest, 1 - smallest)))


def brier_scores(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> _Floats:
    """Return each image's squared distance from the truth, float64 (images,).

    Summed over the classes, in [0, 2]; with two classes half of it, in [0, 1], as scikit-learn's
    brier_score_loss. Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    scale = 0.5 if probabilities.shape[1] == 2 else 1.0
    return np.asarray(scale * np.maximum(squares - 2 * of_truth + 1, 0))


def reliability(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64]
) -> tuple[ReliabilityBin, ...]:
    """Return 15 bins of equal width over the highest probability."""
    highest, right = confidences(probabilities, truth)
    bins = _bin_of(highest)
    images = np.bincount(bins, minlength=BINS)
    confident = np.bincount(bins, highest, BINS) / np.maximum(images, 1)
    accurate = np.bincount(bins, right, BINS) / np.maximum(images, 1)
    columns = (_EDGES[:-1], _EDGES[1:], confident, accurate, images)
    return tuple(
        ReliabilityBin(float(low), float(high), float(confidence), float(accuracy), int(count))
        for low, high, confidence, accuracy, count in zip(*columns, strict=True)
    )


def calibration_gaps(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> _Floats:
    """Return confidence minus accuracy of each image, in the row of its bin, (bins, images).

    The calibration error of any sample of the images is the sum of its bins' absolute sums,
    divided by its images: the mean distance weighed by images.
    """
    highest, right = confidences(probabilities, truth)
    gaps = np.zeros((BINS, len(truth)))
    gaps[_bin_of(highest), np.arange(len(truth))] = highest - right
    return gaps


def coverage(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Coverage:
    """Return accuracy against coverage at about 200 thresholds, the highest first.

    Images of equal confidence are answered together or not at all.
    """
    confidence, right = confidences(probabilities, truth)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    last_of_equals = np.flatnonzero(np.append(confidence[1:] != confidence[:-1], True))
    places = np.linspace(0, len(last_of_equals) - 1, min(_POINTS, len(last_of_equals)))
    ends = last_of_equals[places.round().astype(np.int64)]
    return Coverage(
        threshold=confidence[ends],
        coverage=(ends + 1) / len(truth),
        accuracy=np.cumsum(right[order])[ends] / (ends + 1),
    )


def confidences(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64]
) -> tuple[_Floats, _Floats]:
    """Return each image's highest probability, and 1 where that class is the true one, else 0."""
    right = probabilities.argmax(axis=1) == truth
    return probabilities.max(axis=1).astype(np.float64), right.astype(np.float64)


def _bin_of(confidence: _Floats) -> NDArray[np.int64]:
    """Return the index of each confidence's bin, int64 (images,)."""
    return np.asarray(np.searchsorted(_EDGES[1:-1], confidence), np.int64)
