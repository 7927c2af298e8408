"""Whether probabilities can be trusted: calibration error, reliability, accuracy by coverage.

Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks",
2017, with its 15 bins of equal width.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.intervals import extreme_interval, reflected_interval
from imgrec.evaluation.results import CoverageCurve, MetricValue, ReliabilityBin
from imgrec.metrics import Floats
from imgrec.scores import Scores

BINS = 15
_POINTS = 200
_EDGES = np.linspace(0, 1, BINS + 1)


def reliability(scores: Scores) -> tuple[ReliabilityBin, ...]:
    """Return 15 bins of equal width over the probability that each answer is right."""
    confidence, right = (each.ravel() for each in _confidences(scores))
    bins = _bin_of(confidence)
    answers = np.bincount(bins, minlength=BINS)
    confident = np.bincount(bins, confidence, BINS) / np.maximum(answers, 1)
    accurate = np.bincount(bins, right, BINS) / np.maximum(answers, 1)
    columns = (_EDGES[:-1], _EDGES[1:], confident, accurate, answers)
    return tuple(
        ReliabilityBin(float(low), float(high), float(confidence), float(accuracy), int(count))
        for low, high, confidence, accuracy, count in zip(*columns, strict=True)
    )


def calibration_error(scores: Scores, weights: Iterable[NDArray[np.float32]]) -> MetricValue:
    """Return the expected calibration error, with its interval from all samples but the first.

    Args:
        scores: The images.
        weights: Blocks (images, samples): how often each image is in each sample; the first sample
            is the images themselves.
    """
    gaps = _gaps(scores)
    errors = [np.abs(gaps @ block).sum(axis=0) / len(scores.names) for block in weights]
    error: Floats = np.concatenate(errors)
    value = float(error[0])
    return reflected_interval(value, error[1:], extreme_interval(value, 1.0, len(scores.names)))


def coverage_curve(scores: Scores) -> CoverageCurve:
    """Return accuracy against coverage at about 200 thresholds, the highest first.

    Images with the same probability are answered together or not at all. Each has one label.
    """
    confidence, right = (each[:, 0] for each in _confidences(scores))
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


def _confidences(scores: Scores) -> tuple[Floats, Floats]:
    """Return the confidence of each answer, and 1 where it is right, else 0.

    float64 (images, 1) each: of the most probable class. Where an image may have several classes:
    (images, classes), 1 where the image has the class.
    """
    if scores.multi_label:
        return scores.probabilities.astype(np.float64), scores.positives.astype(np.float64)
    right = scores.probabilities.argmax(axis=1) == scores.true_labels
    highest = scores.probabilities.max(axis=1).astype(np.float64)
    return highest[:, np.newaxis], right.astype(np.float64)[:, np.newaxis]


def _gaps(scores: Scores) -> Floats:
    """Return confidence minus accuracy of each image, in the row of its bin, (bins, images).

    The calibration error of any sample of the images is the sum of its bins' absolute sums,
    divided by its images: the mean distance weighted by images. Where an image may have several
    labels, each counts for its fraction of the image.
    """
    confidence, right = _confidences(scores)
    images, answers = confidence.shape
    places = _bin_of(confidence) * images + np.arange(images)[:, np.newaxis]
    gaps = np.bincount(places.ravel(), (confidence - right).ravel(), BINS * images)
    return np.asarray(gaps.reshape(BINS, images) / answers)


def _bin_of(confidence: Floats) -> NDArray[np.int64]:
    """Return the index of each confidence's bin, int64."""
    return np.asarray(np.searchsorted(_EDGES[1:-1], confidence), np.int64)
