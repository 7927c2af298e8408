"""Every metric of a list of images, by the one code for the whole and for its slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics import (
    PROPORTIONS,
    Counts,
    Floats,
    RankingMetrics,
    SampleWeights,
    bootstrap_draws,
    calibration_gaps,
    canonical_order,
    count_metrics,
    draw_counts,
    known_truth,
    mean_of_known,
    percentile,
    ranking_metrics,
    reflected_interval,
    resampled,
    samplewise_metrics,
    wilson_interval,
)
from imgrec.evaluation.results import MetricValue
from imgrec.requirement import METRICS
from imgrec.scores import Scores

MOST_RESAMPLED = 10_000
"""Up to how many images ROC-AUC, average precision and calibration error have an interval."""


@dataclass(frozen=True)
class ComputedMetrics:
    """The metrics of some images, and what those of the classes come from.

    confusion: as in Evaluation. counts, ranking: as they say; the first of their
    samples is the images themselves.
    """

    metrics: Mapping[str, MetricValue]
    confusion: NDArray[np.int64]
    counts: Counts
    ranking: RankingMetrics


def compute_metrics(scores: Scores, top_k: int, *, thorough: bool) -> ComputedMetrics:
    """Measure at least one image whose truth is known.

    thorough: whether ROC-AUC, average precision and calibration error get intervals, which take
    by far the longest; never above 10,000 images.
    """
    scores = scores.at(canonical_order(known_truth(scores), scores.probabilities))
    images, multi_label = len(scores.names), scores.multi_label
    confusion, counts = _counted(scores)
    weights: SampleWeights = [np.ones((images, 1), np.float32)]
    if thorough and 1 < images <= MOST_RESAMPLED:
        weights = [*weights, *bootstrap_draws(images)]
    found = ranking_metrics(scores.probabilities, scores.positives, weights)
    metrics = {
        **_means(samplewise_metrics(scores, top_k), images),
        **count_metrics(counts, multi_label=multi_label),
        **_separation_metrics(found),
        "ece": _calibration_error(scores, weights),
        **_abstaining(scores),
    }
    ordered = {name: metrics[name] for name in METRICS if name in metrics}
    return ComputedMetrics(ordered, confusion, counts, found)


def _abstaining(scores: Scores) -> Mapping[str, MetricValue]:
    """Return how many images the model answers, and how many of its answers are right."""
    if not scores.decision.abstains:
        return {}
    known = scores.known
    of_all = {"coverage": wilson_interval(int(known.sum()), len(known))}
    if not known.any():
        return of_all
    right = int(scores.right[known].sum())
    return {**of_all, "selective_accuracy": wilson_interval(right, int(known.sum()))}


def _counted(scores: Scores) -> tuple[NDArray[np.int64], Counts]:
    from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

    if scores.multi_label:
        found = multilabel_confusion_matrix(scores.positives, scores.answers)
        images = len(scores.names)
        samples = bootstrap_draws(images) if images > 1 else ()
        every = np.ones((images, 1), np.float32)
        return np.asarray(found, np.int64), draw_counts(scores, [every, *samples])
    predicted, labels = scores.probabilities.argmax(1), np.arange(len(scores.classes))
    confusion = np.asarray(confusion_matrix(scores.true_labels, predicted, labels=labels), np.int64)
    return confusion, resampled(confusion)


def _means(measures: Mapping[str, Floats], images: int) -> Mapping[str, MetricValue]:
    found = {
        name: wilson_interval(int(measures[name].sum()), images)
        for name in measures.keys() & PROPORTIONS
    }
    others = {name: of_images for name, of_images in measures.items() if name not in PROPORTIONS}
    stacked = np.stack(list(others.values()))
    means = [stacked @ block / images for block in bootstrap_draws(images)] if images > 1 else []
    resampled_means = np.concatenate(means, axis=1) if means else np.empty((len(others), 0))
    for (name, of_images), of_samples in zip(others.items(), resampled_means, strict=True):
        found[name] = percentile(float(of_images.mean()), of_samples)
    return found


def _separation_metrics(found: RankingMetrics) -> Mapping[str, MetricValue]:
    measures = {"roc_auc": found.roc_auc, "average_precision": found.average_precision}
    means = {name: mean_of_known(by_class) for name, by_class in measures.items()}
    return {
        name: percentile(float(mean[0]), mean[1:])
        for name, mean in means.items()
        if np.isfinite(mean[0])
    }


def _calibration_error(scores: Scores, weights: SampleWeights) -> MetricValue:
    gaps = calibration_gaps(scores)
    errors = [np.abs(gaps @ block).sum(axis=0) / len(scores.names) for block in weights]
    error: Floats = np.concatenate(errors)
    return reflected_interval(float(error[0]), error[1:])
