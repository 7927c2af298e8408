"""Confidence intervals: exact ones of proportions, the bootstrap for means of other values.

Clopper, Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", 1934; Efron, Tibshirani, "An introduction to the bootstrap", 1993. Every draw comes
from a fixed seed, and images are drawn in their `canonical_order`: the same scores have the same
intervals, whatever the order of the images.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.results import MetricValue
from imgrec.metrics import Floats
from imgrec.scores import Scores

RESAMPLES = 1000

_SEED = 1
_TAILS = (0.025, 0.975)
_AT_ONCE = 1 << 20


def exact_interval(hits: float, total: float, confidence: float = 0.95) -> MetricValue:
    """Return hits / total with its exact interval; 0 without an interval if `total` is 0.

    The interval contains the truth at least that often, whatever it is.

    Args:
        hits: From 0 to `total`; may be a fraction.
        total: The number of images.
        confidence: Of the interval, in (0, 1).

    Example:
        >>> metric = exact_interval(8, 10)
        >>> round(metric.low, 2), metric.value, round(metric.high, 2)
        (0.44, 0.8, 0.97)
    """
    if total == 0:
        return MetricValue(0.0)
    from scipy.special import betaincinv

    tails = (1 - confidence) / 2, (1 + confidence) / 2
    low = betaincinv(hits, total - hits + 1, tails[0]) if hits > 0 else 0.0
    high = betaincinv(hits + 1, total - hits, tails[1]) if hits < total else 1.0
    return around(hits / total, low, high)


def canonical_order(scores: Scores, *columns: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return positions, int64 (images,), that sort images by their labels and probabilities.

    Names and the original order then change neither draws nor sums.

    Args:
        scores: The images; their labels are known.
        columns: What to sort by after the labels and before the probabilities, float32 (images,
            columns) each.
    """
    truth = scores.positives if scores.multi_label else scores.true_labels
    known = np.column_stack([truth.astype(np.float32), *columns, scores.probabilities])
    # As bytes: a sort by a hundred columns takes seconds where images are many.
    known = np.ascontiguousarray(known)
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


def prior_weights() -> NDArray[np.float64]:
    """Return how many wrong answers to add to each sample, float64 (samples,), half on average.

    The images contain few wrong answers, or none, which cost most: without them, samples say that
    the truth can't be much worse. The weights are those of Jeffreys' prior of a proportion.
    """
    return np.random.default_rng(_SEED + 1).gamma(0.5, size=RESAMPLES)


def extreme_interval(value: float, most: float, images: int) -> MetricValue:
    """Return a mean over images with its interval if each image had either 0 or `most`.

    No other values make it wider. It has no interval if `most` is infinite.
    """
    if not np.isfinite(most):
        return MetricValue(value)
    found = exact_interval(images * min(value / most, 1.0), images)
    return around(value, most * (found.low or 0.0), most * (found.high or 0.0))


def percentile(value: float, resampled: Floats, otherwise: MetricValue) -> MetricValue:
    """Return `value` with the middle 95 % of its `resampled` values, which contain it.

    Returns `otherwise` if these are all equal: nothing can be learned from them.
    """
    low, high = np.quantile(resampled, _TAILS) if resampled.size else (value, value)
    return otherwise if low == high else around(value, low, high)


def reflected_interval(value: float, resampled: Floats, otherwise: MetricValue) -> MetricValue:
    """Return `value` with the basic bootstrap's interval: the percentiles mirrored at the value.

    For a value that chance alone makes larger, so that resamples lie above the value as the value
    lies above the truth: Davison, Hinkley, "Bootstrap methods and their application", 1997. Never
    below 0. No interval without resamples; `otherwise` if they do not vary.
    """
    if not resampled.size:
        return MetricValue(value)
    if np.ptp(resampled) == 0:
        return otherwise
    low, high = 2 * value - np.quantile(resampled, _TAILS[::-1])
    return around(value, max(low, 0.0), high)


def around(value: float, low: float, high: float) -> MetricValue:
    """Return `value` with an interval that is extended to contain it."""
    return MetricValue(float(value), float(min(low, value)), float(max(high, value)))
