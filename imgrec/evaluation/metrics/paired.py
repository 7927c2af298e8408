"""How much two models differ on the same images, with intervals from paired samples of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.compute import samplewise_values
from imgrec.evaluation.metrics.counts import count_values, sum_counts
from imgrec.evaluation.metrics.intervals import (
    bootstrap_draws,
    canonical_order,
    exact_interval,
)
from imgrec.evaluation.metrics.ranking import mean_of_known, ranking_values
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import METRICS, CountMetric, Counts, Floats, RankingMetric, SamplewiseMetric
from imgrec.scores import Scores

MOST_SORTED = 2000

_Bounds = tuple[float, float] | None


@dataclass(frozen=True)
class PairedDifference:
    """On how many images two models differ in what a metric depends on, and what follows from it.

    bounds: the interval of the difference, None if there is none.
    """

    images: int
    bounds: _Bounds


def paired_differences(
    model: Scores,
    baseline: Scores,
    top_k: int,
    values: Mapping[str, tuple[MetricValue, MetricValue]],
    confidence: float,
) -> Mapping[str, PairedDifference]:
    """Return the interval of each metric's difference, model minus baseline.

    It comes from 1,000 samples of the images. If so few differ that any sample would be chance
    (five, at 95 %), proportions of the images have an exact interval, and other metrics none.

    Args:
        model: The scores of one model.
        baseline: Those of another, of the same images in the same order.
        top_k: The k of `top_k_accuracy`.
        values: The metric of both on the images themselves, by its name.
        confidence: Of the intervals, in (0, 1).

    Returns:
        By the metric's name; without an interval also for ranking metrics above 2,000 images, which
        would take too long, and for metrics that can't be paired.
    """
    # The order is the same whichever of the two comes first, so that their difference only changes
    # its sign; nearly so where they are each other's mirror on several images.
    ours, theirs = model.probabilities, baseline.probabilities
    order = canonical_order(model, np.minimum(ours, theirs), np.maximum(ours, theirs))
    ranked = len(order) <= MOST_SORTED and any(
        isinstance(METRICS[name], RankingMetric) for name in values
    )
    pair = (
        _Measured(model.at(order), top_k, ranked=ranked),
        _Measured(baseline.at(order), top_k, ranked=ranked),
    )
    sampled, differing = _sampled_differences(*pair), _differing(*pair)

    def bounds(name: str) -> _Bounds:
        # So few are all of one mind by chance as often as that, whatever the samples look like.
        if 2.0 ** (1 - differing[name]) > 1 - confidence:
            return _exact(name, *pair, confidence)
        return _sampled_interval(sampled.get(name), values[name], differing[name], confidence)

    return {name: PairedDifference(differing[name], bounds(name)) for name in values}


class _Measured:
    """The values of each image, from which the metrics of any sample of them are computed."""

    def __init__(self, scores: Scores, top_k: int, *, ranked: bool) -> None:
        from scipy.sparse import csr_array, vstack

        self.scores, self.ranked = scores, ranked
        self.samplewise = samplewise_values(scores, top_k)
        means = csr_array(np.stack(list(self.samplewise.values())))
        self._sums = vstack([means, sum_counts(scores)], format="csr")

    def of(self, block: NDArray[np.float32]) -> Mapping[str, Floats]:
        """Return each metric of each sample, (samples,). block: (images, samples)."""
        images, classes = self.scores.probabilities.shape
        sums = np.split(self._sums @ block, np.cumsum([len(self.samplewise), *[classes] * 2]))
        means, hits, predicted, support = sums
        counts = Counts(hits.T, predicted.T, support.T)
        ranking = ranking_values(self.scores, [block]) if self.ranked else {}
        return {
            **dict(zip(self.samplewise, means / images, strict=True)),
            **count_values(counts, multi_label=self.scores.multi_label),
            **{name: mean_of_known(by_class) for name, by_class in ranking.items()},
        }


def _sampled_differences(model: _Measured, baseline: _Measured) -> Mapping[str, Floats]:
    blocks = []
    for block in bootstrap_draws(len(model.scores.names)):
        ours, theirs = model.of(block), baseline.of(block)
        blocks.append({name: ours[name] - theirs[name] for name in ours})
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _differing(model: _Measured, baseline: _Measured) -> Mapping[str, int]:
    """Return on how many images the two differ in what each metric depends on."""
    ours, theirs = model.scores, baseline.scores
    labels = int((ours.answers != theirs.answers).any(axis=1).sum())
    probabilities = int((ours.probabilities != theirs.probabilities).any(axis=1).sum())
    values = model.samplewise
    return {
        **{
            name: labels if isinstance(metric, CountMetric) else probabilities
            for name, metric in METRICS.items()
        },
        **{name: int((values[name] != baseline.samplewise[name]).sum()) for name in values},
    }


def _exact(name: str, model: _Measured, baseline: _Measured, confidence: float) -> _Bounds:
    """Return the exact interval of the difference of a proportion of the images, else None.

    The difference is the fraction of the images on which the models differ, times how much more
    often one is right on these than the other. Both have exact intervals; that of the second
    contains 0 where McNemar's exact test is not significant.
    """
    metric = METRICS[name]
    if not isinstance(metric, SamplewiseMetric) or metric.interval != "exact":
        return None
    ours, theirs = model.samplewise[name], baseline.samplewise[name]
    won, differing = int((ours > theirs).sum()), int((ours != theirs).sum())
    fraction = exact_interval(differing, len(ours), confidence).limits
    decided = exact_interval(won, differing, confidence).limits
    low, high = (2 * limit - 1 for limit in decided)
    return min(low * each for each in fraction), max(high * each for each in fraction)


def _sampled_interval(
    sampled: Floats | None,
    values: tuple[MetricValue, MetricValue],
    differing: int,
    confidence: float,
) -> _Bounds:
    known = sampled[np.isfinite(sampled)] if sampled is not None else np.empty(0)
    if not known.size:
        return None
    value, tail = values[0].value - values[1].value, _tail(differing, confidence)
    low, first, third, high = np.quantile(known, [tail, 0.25, 0.75, 1 - tail])
    if first == third:
        return _unpaired(*values, confidence)
    return min(float(low), value), max(float(high), value)


def _unpaired(model: MetricValue, baseline: MetricValue, confidence: float) -> _Bounds:
    """Return the interval of the difference from the two intervals, as if of other images.

    For paired samples that hardly vary, for example if each model always gives the same answer.
    Zou, Donner, "Construction of confidence limits about effect measures", 2008.
    """
    from scipy.special import ndtri

    if model.low is None or model.high is None or baseline.low is None or baseline.high is None:
        return None
    factor = float(ndtri((1 + confidence) / 2) / ndtri(0.975))
    below = math.hypot(model.value - model.low, baseline.high - baseline.value)
    above = math.hypot(model.high - model.value, baseline.value - baseline.low)
    value = model.value - baseline.value
    return value - factor * below, value + factor * above


def _tail(differing: int, confidence: float) -> float:
    """Return the fraction of samples beyond each end of the expanded percentile interval."""
    from scipy.special import ndtr, stdtrit

    freedom = differing - 1
    quantile = stdtrit(freedom, (1 + confidence) / 2)
    return float(ndtr(-quantile * math.sqrt(differing / freedom)))
