"""Intervals by resampling: what the numbers would be on other draws of as many images.

Efron, Tibshirani, "An introduction to the bootstrap", 1993. Every draw comes from a fixed seed,
and images are drawn from `own_order`: the same scores have the same intervals, in whatever order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.results import MetricValue


def wilson_interval(hits: int, total: int) -> MetricValue:
    """Return hits / total with its 95 % interval; 0 without one where `total` is 0."""
    if total == 0:
        return MetricValue(0.0)
    from scipy.stats import binomtest

    interval = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    return MetricValue(hits / total, float(interval.low), float(interval.high))


RESAMPLES = 1000

_SEED = 1
_TAILS = (0.025, 0.975)
_AT_ONCE = 1 << 20

Floats = NDArray[np.float64]


def canonical_order(truth: NDArray[Any], *probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return places, int64 (images,), that put images into an order of what is known of them.

    Whatever their names and the order they came in, they are drawn and summed alike then.
    truth, probabilities: (images,) or (images, classes) each.
    """
    known = np.ascontiguousarray(np.column_stack([truth.astype(np.float32), *probabilities]))
    # As bytes: a sort by a hundred columns takes seconds where images are many.
    rows = known.view(np.dtype((np.void, known.strides[0])))
    return np.asarray(rows[:, 0].argsort(kind="stable"), np.int64)


def bootstrap_draws(images: int) -> Iterator[NDArray[np.float32]]:
    """Yield how often each image is in each of 1,000 samples drawn with replacement.

    Blocks of shape (images, samples), of about a million numbers each.
    """
    generator = np.random.default_rng(_SEED)
    left, most = RESAMPLES, max(1, _AT_ONCE // images)
    while left:
        samples = min(left, most)
        drawn = generator.integers(images, size=(images, samples)) * samples + np.arange(samples)
        times = np.bincount(drawn.ravel(), minlength=images * samples)
        left -= samples
        yield times.reshape(images, samples).astype(np.float32)


def percentile(value: float, resampled: Floats) -> MetricValue:
    """Return `value` with the middle 95 % of its `resampled` values, those that are NaN left out.

    Without an interval where there are none. The value lies in its interval.
    """
    known = resampled[np.isfinite(resampled)]
    if not known.size:
        return MetricValue(value)
    low, high = np.quantile(known, _TAILS)
    return _around(value, low, high)


def reflected_interval(value: float, resampled: Floats) -> MetricValue:
    """Return `value` with the basic bootstrap's interval: the percentiles mirrored at the value.

    For what grows with chance alone, so that resamples lie above the value as the value lies
    above the truth: Davison, Hinkley, "Bootstrap methods and their application", 1997. Never
    below 0.
    """
    if not resampled.size:
        return MetricValue(value)
    low, high = 2 * value - np.quantile(resampled, _TAILS[::-1])
    return _around(value, max(low, 0.0), high)


def _around(value: float, low: float, high: float) -> MetricValue:
    return MetricValue(value, min(float(low), value), max(float(high), value))
