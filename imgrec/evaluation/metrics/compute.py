"""All metrics of a list of images; the whole and its slices go through the same code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.calibration import calibration_error
from imgrec.evaluation.metrics.counts import class_metrics, count_images, count_metrics
from imgrec.evaluation.metrics.intervals import bootstrap_draws, canonical_order
from imgrec.evaluation.metrics.ranking import (
    SampleWeights,
    known_metric,
    ranking_metrics,
    ranking_values,
)
from imgrec.evaluation.metrics.samplewise import samplewise_metrics, selective_metrics
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import METRICS, Counts, Floats
from imgrec.scores import Scores

MOST_RESAMPLED = 10_000
"""Up to how many images costly metrics (`Metric.costly`) have an interval."""


@dataclass(frozen=True)
class ComputedMetrics:
    """The metrics of some images, and what those of the classes come from.

    Args:
        metrics: By name, in the order of METRICS.
        confusion: As in Evaluation.
        counts: Of the images themselves, then of samples of them.
        ranking: The ranking metrics, float64 (classes, samples) each, of the same samples.
        multi_label: Whether images may have multiple labels, or none.
    """

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
        for index in range(len(self.support)):
            ranked = {name: known_metric(each[index]) for name, each in self.ranking.items()}
            yield {
                **{name: of_classes[index] for name, of_classes in of_counts.items()},
                **{name: metric for name, metric in ranked.items() if metric},
            }


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
    ranking = ranking_values(scores, weights)
    metrics = {
        **samplewise_metrics(scores, top_k),
        **count_metrics(counts, multi_label=multi_label),
        **ranking_metrics(ranking),
        "ece": calibration_error(scores, weights),
        **selective_metrics(scores),
    }
    ordered = {name: metrics[name] for name in METRICS if name in metrics}
    return ComputedMetrics(ordered, confusion, counts, ranking, multi_label)
