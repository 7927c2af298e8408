"""All metrics of a list of images; the whole and its slices go through the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.calibration import calibration_error
from imgrec.evaluation.metrics.counts import class_metrics, count_images, count_metrics
from imgrec.evaluation.metrics.intervals import (
    bootstrap_draws,
    canonical_order,
    exact_interval,
    extreme_interval,
    percentile,
    prior_weights,
)
from imgrec.evaluation.metrics.means import dependence_of
from imgrec.evaluation.metrics.ranking import (
    SampleWeights,
    class_ranking,
    ranking_metrics,
    ranking_values,
)
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import METRICS, Counts, Floats, SamplewiseMetric, SelectiveMetric, metrics_of
from imgrec.scores import Scores, one_hot


def samplewise_values(scores: Scores, top_k: int) -> Mapping[str, Floats]:
    """Return the value of each image by the metric's name, float64 (images,) each."""
    family = metrics_of(SamplewiseMetric, multi_label=scores.multi_label)
    return {each.name: each.formula(scores, top_k) for each in family}


def samplewise_metrics(scores: Scores, top_k: int) -> Mapping[str, MetricValue]:
    """Return the means over the images with their intervals."""
    values, images = samplewise_values(scores, top_k), len(scores.names)
    shares = {name for name in values if METRICS[name].interval == "exact"}
    found = {name: exact_interval(int(values[name].sum()), images) for name in shares}
    others = {name: each for name, each in values.items() if name not in shares}
    stacked = np.stack(list(others.values()))
    sums = [stacked @ block for block in bootstrap_draws(images)] if images > 1 else []
    resampled = np.concatenate(sums, axis=1) if sums else np.empty((len(others), 0))
    if sums and not scores.multi_label:
        wrong = samplewise_values(_all_wrong(scores), top_k)
        weight = prior_weights()
        prior = np.outer([wrong[name].mean() for name in others], weight)
        resampled = (resampled + prior) / (images + weight)
    else:
        resampled /= images
    for (name, each), of_samples in zip(others.items(), resampled, strict=True):
        mean = float(each.mean())
        extreme = extreme_interval(mean, _largest(name, scores), images)
        found[name] = percentile(mean, of_samples, extreme)
    return found


def _largest(name: str, scores: Scores) -> float:
    """Return the largest value that a metric can have; the Brier score of two options is 1."""
    halved = name == "brier" and scores.choices.shape[1] == 2
    return METRICS[name].limits[1] / (2 if halved else 1)


def _all_wrong(scores: Scores) -> Scores:
    """Return the scores of the images as if each was of its second most probable class."""
    second = np.argsort(-scores.probabilities, axis=1, kind="stable")[:, 1]
    return replace(scores, truth=one_hot(second, len(scores.classes)))


def selective_metrics(scores: Scores) -> Mapping[str, MetricValue]:
    """Return the metrics of selective prediction; none of a model that answers every image."""
    if not scores.decision.abstains:
        return {}
    family = metrics_of(SelectiveMetric, multi_label=scores.multi_label)
    shares = {each.name: each.formula(scores) for each in family}
    return {
        name: exact_interval(int(counted.sum()), int(among.sum()))
        for name, (counted, among) in shares.items()
        if among.any()
    }


MOST_RESAMPLED = 10_000
"""Up to how many images costly metrics (`Metric.costly`) have an interval."""


@dataclass(frozen=True)
class ComputedMetrics:
    """The metrics of some images, and what those of the classes come from.

    Args:
        images: Their number.
        metrics: By name, in the order of METRICS.
        confusion: As in Evaluation.
        counts: Of the images, as a single sample.
        ranking: The ranking metrics, float64 (classes, 1) each.
        multi_label: Whether images may have multiple labels, or none.
    """

    images: int
    metrics: Mapping[str, MetricValue]
    confusion: NDArray[np.int64]
    counts: Counts
    ranking: Mapping[str, Floats]
    multi_label: bool

    @property
    def support(self) -> tuple[int, ...]:
        """How many images each class has."""
        return tuple(map(int, self.counts.support[0]))

    @property
    def is_ranked(self) -> tuple[bool, ...]:
        """Whether each class has ranking metrics: some images have it, and some don't."""
        values = next(iter(self.ranking.values()))
        return tuple(map(bool, np.isfinite(values[:, 0])))

    def by_class(self) -> Iterator[Mapping[str, MetricValue]]:
        """Yield the metrics of each class by name, without those that can't be computed."""
        of_counts = class_metrics(self.counts, multi_label=self.multi_label)
        ranked = class_ranking(self.ranking, self.counts.support[0], self.images)
        by_name = {**of_counts, **ranked}
        for index in range(len(self.support)):
            found = {name: of_classes[index] for name, of_classes in by_name.items()}
            yield {name: metric for name, metric in found.items() if metric}


def compute_metrics(scores: Scores, top_k: int, *, thorough: bool) -> ComputedMetrics:
    """Compute the metrics of at least one image whose labels are known.

    Args:
        scores: The images.
        top_k: The k of `top_k_accuracy`.
        thorough: Whether costly metrics get intervals; never above 10,000 images.
    """
    scores = scores.at(canonical_order(scores))
    images, multi_label = len(scores.names), scores.multi_label
    confusion, counts = count_images(scores)
    weights: SampleWeights = [np.ones((images, 1), np.float32)]
    if thorough and 1 < images <= MOST_RESAMPLED:
        weights = [*weights, *bootstrap_draws(images)]
    ranking = ranking_values(scores, weights[:1])
    dependence = dependence_of(scores)
    metrics = {
        **samplewise_metrics(scores, top_k),
        **count_metrics(counts, multi_label=multi_label, dependence=dependence),
        **ranking_metrics(ranking, counts.support[0], images, dependence),
        "ece": calibration_error(scores, weights),
        **selective_metrics(scores),
    }
    ordered = {name: metrics[name] for name in METRICS if name in metrics}
    return ComputedMetrics(images, ordered, confusion, counts, ranking, multi_label)
