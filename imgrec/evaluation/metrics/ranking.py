"""Metrics of how well a class's probability separates its images from the others.

The numbers are scikit-learn's roc_auc_score and average_precision_score of one class against
the rest. They are computed here since a thousand resamples share one sort; with scikit-learn
they would take minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.intervals import exact_interval
from imgrec.evaluation.metrics.means import mean_interval
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import Floats, RankedImages, RankingMetric, metrics_of
from imgrec.scores import Scores

SampleWeights = Sequence[NDArray[np.float32]]


def ranking_values(scores: Scores, weights: SampleWeights) -> Mapping[str, Floats]:
    """Return each metric of every class by its name, float64 (classes, samples) each.

    NaN where a sample has no image of the class, or none of another.

    Args:
        scores: At least one image whose labels are known.
        weights: Blocks (images, samples): how often each image is in each sample.
    """
    family = metrics_of(RankingMetric, multi_label=scores.multi_label)
    columns = zip(scores.probabilities.T, scores.positives.T, strict=True)
    by_class = [_class_values(family, *column, weights) for column in columns]
    return {
        metric.name: np.stack(values)
        for metric, values in zip(family, zip(*by_class, strict=True), strict=True)
    }


def mean_of_known(values: Floats) -> Floats:
    """Return the mean over the classes that are not NaN, float64 (samples,); NaN where all are."""
    known = np.isfinite(values)
    total, count = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def ranking_metrics(
    values: Mapping[str, Floats], support: Floats, images: int, dependence: float
) -> Mapping[str, MetricValue]:
    """Return the means over the classes with their intervals.

    Args:
        values: As of `ranking_values`, of a single sample: the images themselves.
        support: How many images have each class, float64 (classes,).
        images: The number of images.
        dependence: That of the classes, as of `dependence_of`.
    """
    found = {}
    for metric in metrics_of(RankingMetric, multi_label=False):
        by_class = values[metric.name][:, 0]
        known, trials = np.isfinite(by_class), metric.trials(support, images - support)
        if known.any():
            mean, hits = float(by_class[known].mean()), by_class[known] * trials[known]
            found[metric.name] = mean_interval(
                mean,
                hits,
                trials[known],
                dependence=dependence / 2 if metric.is_bound else dependence,
            )
    return found


def class_ranking(
    values: Mapping[str, Floats], support: Floats, images: int
) -> Mapping[str, tuple[MetricValue | None, ...]]:
    """Return the metrics of each class, None if it has none; arguments as above."""
    found = {}
    for metric in metrics_of(RankingMetric, multi_label=False):
        trials = metric.trials(support, images - support).tolist()
        pairs = zip(values[metric.name][:, 0].tolist(), trials, strict=True)
        found[metric.name] = tuple(
            None if np.isnan(value) else exact_interval(value * count, count)
            for value, count in pairs
        )
    return found


def _class_values(
    family: Sequence[RankingMetric],
    probability: NDArray[np.float32],
    positive: NDArray[np.bool_],
    weights: SampleWeights,
) -> list[Floats]:
    from scipy.sparse import csr_array

    order = np.argsort(-probability, kind="stable")
    bounds = _bounds(probability[order], positive[order])
    shape = (len(bounds) - 1, len(order))
    everyone = csr_array((np.ones(len(order), np.float32), order, bounds), shape=shape)
    positives = csr_array((positive[order].astype(np.float32), order, bounds), shape=shape)
    blocks = []
    for block in weights:
        images, hits = ((each @ block).astype(np.float64) for each in (everyone, positives))
        ranked = RankedImages(images, hits)
        blocks.append([metric.formula(ranked) for metric in family])
    return [np.concatenate(each) for each in zip(*blocks, strict=True)]


def _bounds(falling: NDArray[np.float32], positive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where stretches of equal probability begin, and the end.

    Neighbouring stretches without a positive are one: no metric depends on their order.
    """
    starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1]))
    holds = np.logical_or.reduceat(positive, starts)
    kept = holds | np.append(True, holds[:-1])
    return np.append(starts[kept], len(falling))
