"""How well a class's probability separates its images from the others.

The numbers are scikit-learn's roc_auc_score and average_precision_score of one class against
the rest. They are computed here since a thousand resamples share one sort; with scikit-learn
they would take minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.intervals import Floats

SampleWeights = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class RankingMetrics:
    """Both measures by class, each float64 (classes, samples), in the order of the weights.

    NaN where a sample has no image of the class, or none of another.
    """

    roc_auc: Floats
    average_precision: Floats


def ranking_metrics(
    probabilities: NDArray[np.float32], positives: NDArray[np.bool_], weights: SampleWeights
) -> RankingMetrics:
    """Measure every class.

    positives: bool (images, classes), whether the image has the class. weights: blocks (images,
    samples): how often each image is in each sample.
    """
    by_class = [
        _separation(probabilities[:, label], positives[:, label], weights)
        for label in range(probabilities.shape[1])
    ]
    roc_auc, average_precision = (np.stack(each) for each in zip(*by_class, strict=True))
    return RankingMetrics(roc_auc, average_precision)


def mean_of_known(measures: Floats) -> Floats:
    """Return the mean over the classes that are not NaN, float64 (samples,); NaN where all are."""
    known = np.isfinite(measures)
    total, count = np.where(known, measures, 0).sum(axis=0), known.sum(axis=0)
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def _separation(
    probability: NDArray[np.float32], positive: NDArray[np.bool_], weights: SampleWeights
) -> tuple[Floats, Floats]:
    from scipy.sparse import csr_array

    order = np.argsort(-probability, kind="stable")
    bounds = _bounds(probability[order], positive[order])
    shape = (len(bounds) - 1, len(order))
    everyone = csr_array((np.ones(len(order), np.float32), order, bounds), shape=shape)
    positives = csr_array((positive[order].astype(np.float32), order, bounds), shape=shape)
    measures = [_measures(everyone @ block, positives @ block) for block in weights]
    roc_auc, average_precision = (np.concatenate(each) for each in zip(*measures, strict=True))
    return roc_auc, average_precision


def _bounds(falling: NDArray[np.float32], positive: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where stretches of equal probability begin, and the end.

    Neighbouring stretches without a positive are one: neither measure asks what is in them.
    """
    starts = np.flatnonzero(np.append(True, falling[1:] != falling[:-1]))
    holds = np.logical_or.reduceat(positive, starts)
    kept = holds | np.append(True, holds[:-1])
    return np.append(starts[kept], len(falling))


def _measures(
    everyone: NDArray[np.float32], positives: NDArray[np.float32]
) -> tuple[Floats, Floats]:
    """Return both measures from the images in each stretch, (stretches, samples)."""
    tied, hits = everyone.astype(np.float64), positives.astype(np.float64)
    negatives = tied - hits
    found = hits.sum(axis=0)
    below = negatives[::-1].cumsum(axis=0)[::-1] - negatives / 2
    pairs = found * negatives.sum(axis=0)
    precision = hits.cumsum(axis=0) / np.maximum(tied.cumsum(axis=0), 1)
    unknown = np.full(found.shape, np.nan)
    roc_auc = np.divide((hits * below).sum(axis=0), pairs, out=unknown.copy(), where=pairs > 0)
    average = np.divide((hits * precision).sum(axis=0), found, out=unknown, where=pairs > 0)
    return roc_auc, average
