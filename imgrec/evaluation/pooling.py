"""Metrics of several runs as one: of the folds of a cross-validation, or of several seeds.

The models of a cross-validation share most of their training images, so the folds' values vary less
than those of independent models would. Their variance is enlarged accordingly: Nadeau, Bengio,
"Inference for the generalization error", 2003.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import METRICS, SelectiveMetric
from imgrec.scores import Scores

PooledValue = tuple[MetricValue, tuple[float, ...]]
"""A metric with its interval, and its value for each run."""


def pool_folds(scores: Sequence[Scores], top_k: int) -> dict[str, PooledValue]:
    """Return each metric of a cross-validation.

    Its value is the mean over the folds. The interval is the union of two: that of the images
    of all folds as if one model had answered them, and that of the folds' values, a t-interval.

    Args:
        scores: Those of the images that each fold holds out.
        top_k: The k of `top_k_accuracy`.
    """
    found = [evaluate_scores(each, top_k).metrics for each in scores]
    together = evaluate_scores(_joined(scores), top_k).metrics
    folds = len(scores)
    factor = 1 / folds + 1 / (folds - 1)
    pooled = {}
    for name in _common(found):
        values = tuple(each[name].value for each in found)
        mean, margin = float(np.mean(values)), _margin(values, factor)
        whole = together.get(name, MetricValue(mean))
        ends = [whole.value if end is None else end for end in (whole.low, whole.high)]
        low, high = min(ends[0], mean - margin), max(ends[1], mean + margin)
        pooled[name] = (_limited(name, mean, low, high), values)
    return pooled


def pool_seeds(scores: Sequence[Scores], top_k: int) -> dict[str, PooledValue]:
    """Return each metric of models that differ by their seeds, on the same images.

    Its value is the mean over the models; the interval combines the variance between the models
    with that of the images.

    Args:
        scores: Those of each model.
        top_k: The k of `top_k_accuracy`.
    """
    found = [evaluate_scores(each, top_k).metrics for each in scores]
    pooled = {}
    for name in _common(found):
        values = tuple(each[name].value for each in found)
        mean, margin = float(np.mean(values)), _margin(values, 1 / len(values))
        below, above = (
            float(np.mean([abs(each[name].value - _end(each[name], side)) for each in found]))
            for side in ("low", "high")
        )
        low, high = mean - math.hypot(below, margin), mean + math.hypot(above, margin)
        pooled[name] = (_limited(name, mean, low, high), values)
    return pooled


def _end(value: MetricValue, side: str) -> float:
    end = value.low if side == "low" else value.high
    return value.value if end is None else end


def _common(found: Sequence[Mapping[str, MetricValue]]) -> Iterator[str]:
    """Yield the metrics that all have, except those of images that each model chooses itself."""
    for name in found[0]:
        if all(name in each for each in found) and not isinstance(METRICS[name], SelectiveMetric):
            yield name


def _margin(values: Sequence[float], factor: float) -> float:
    """Return half the width of the t-interval of a mean whose variance is `factor` times theirs."""
    from scipy.special import stdtrit

    if len(values) < 2:
        return 0.0
    deviation = float(np.std(values, ddof=1))
    return float(stdtrit(len(values) - 1, 0.975)) * deviation * math.sqrt(factor)


def _limited(name: str, value: float, low: float, high: float) -> MetricValue:
    least, most = METRICS[name].limits
    return MetricValue(value, max(low, least), min(high, most))


def _joined(scores: Sequence[Scores]) -> Scores:
    """Return the scores of all folds; the thresholds of several labels are the first model's."""
    first = scores[0]
    return Scores(
        names=tuple(name for each in scores for name in each.names),
        truth=np.concatenate([each.positives for each in scores]),
        probabilities=np.concatenate([each.probabilities for each in scores]),
        classes=first.classes,
        decision=replace(first.decision, min_probability=None),
    )
