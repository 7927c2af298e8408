"""Every metric of a list of images, by the one code for the whole and for its slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.counts import Counts, count_metrics, resampled
from imgrec.evaluation.metrics import Metric
from imgrec.evaluation.probabilities import brier_scores, calibration_gaps, log_losses
from imgrec.evaluation.proportions import proportion
from imgrec.evaluation.ranking import truth_ranks
from imgrec.evaluation.resampling import Floats, draws, percentile, reflected
from imgrec.evaluation.separation import Separations, Weights, mean_of_known, separations

MOST_RESAMPLED = 10_000
"""Up to how many images ROC-AUC, average precision and calibration error have an interval."""

_NONE = np.empty(0)


@dataclass(frozen=True)
class Measurement:
    """The metrics of some images, and what those of the classes come from.

    confusion: int64 (classes, classes). counts, separations: as they say; the first of their
    samples is the images themselves.
    """

    metrics: Mapping[str, Metric]
    confusion: NDArray[np.int64]
    counts: Counts
    separations: Separations


def measure(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], top_k: int, *, thorough: bool
) -> Measurement:
    """Measure at least one image.

    thorough: whether ROC-AUC, average precision and calibration error get intervals, which take
    by far the longest; never above 10,000 images.
    """
    confusion = _confusion(probabilities, truth)
    counts = resampled(confusion)
    weights: Weights = [np.ones((len(truth), 1), np.float32)]
    if thorough and 1 < len(truth) <= MOST_RESAMPLED:
        weights = [*weights, *draws(len(truth))]
    found = separations(probabilities, truth, weights)
    metrics = {
        **_proportions(probabilities, truth, top_k),
        **count_metrics(counts),
        **_separation_metrics(found),
        **_losses(probabilities, truth),
        "ece": _calibration_error(probabilities, truth, weights),
    }
    return Measurement(metrics, confusion, counts, found)


def _confusion(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    from sklearn.metrics import confusion_matrix

    labels = np.arange(probabilities.shape[1])
    return np.asarray(confusion_matrix(truth, probabilities.argmax(1), labels=labels), np.int64)


def _proportions(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], top_k: int
) -> Mapping[str, Metric]:
    ranks = truth_ranks(probabilities, truth)
    return {
        "accuracy": proportion(int((ranks < 1).sum()), len(truth)),
        "top_k_accuracy": proportion(int((ranks < top_k).sum()), len(truth)),
    }


def _separation_metrics(found: Separations) -> Mapping[str, Metric]:
    measures = {"roc_auc": found.roc_auc, "average_precision": found.average_precision}
    means = {name: mean_of_known(by_class) for name, by_class in measures.items()}
    return {
        name: percentile(float(mean[0]), mean[1:])
        for name, mean in means.items()
        if np.isfinite(mean[0])
    }


def _losses(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Mapping[str, Metric]:
    losses = np.stack([log_losses(probabilities, truth), brier_scores(probabilities, truth)])
    means = [losses @ block / len(truth) for block in draws(len(truth))] if len(truth) > 1 else []
    resampled_means = np.concatenate(means, axis=1) if means else np.empty((2, 0))
    return {
        name: percentile(float(of_images.mean()), resampled_mean)
        for name, of_images, resampled_mean in zip(
            ("log_loss", "brier"), losses, resampled_means, strict=True
        )
    }


def _calibration_error(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], weights: Weights
) -> Metric:
    gaps = calibration_gaps(probabilities, truth)
    errors = [np.abs(gaps @ block).sum(axis=0) / len(truth) for block in weights]
    error: Floats = np.concatenate(errors)
    return reflected(float(error[0]), error[1:])
