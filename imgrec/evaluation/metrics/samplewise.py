"""Metrics that are the mean of a value of each image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imgrec.evaluation.metrics.intervals import bootstrap_draws, percentile, wilson_interval
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import METRICS, Floats, SamplewiseMetric, SelectiveMetric, metrics_of
from imgrec.scores import Scores


def samplewise_values(scores: Scores, top_k: int) -> Mapping[str, Floats]:
    """Return the value of each image by the metric's name, float64 (images,) each."""
    family = metrics_of(SamplewiseMetric, multi_label=scores.multi_label)
    return {each.name: each.formula(scores, top_k) for each in family}


def samplewise_metrics(scores: Scores, top_k: int) -> Mapping[str, MetricValue]:
    """Return the means over the images with their intervals."""
    values, images = samplewise_values(scores, top_k), len(scores.names)
    shares = {name for name in values if METRICS[name].interval == "Wilson"}
    found = {name: wilson_interval(int(values[name].sum()), images) for name in shares}
    others = {name: each for name, each in values.items() if name not in shares}
    stacked = np.stack(list(others.values()))
    means = [stacked @ block / images for block in bootstrap_draws(images)] if images > 1 else []
    resampled = np.concatenate(means, axis=1) if means else np.empty((len(others), 0))
    for (name, each), of_samples in zip(others.items(), resampled, strict=True):
        found[name] = percentile(float(each.mean()), of_samples)
    return found


def selective_metrics(scores: Scores) -> Mapping[str, MetricValue]:
    """Return the metrics of selective prediction; none of a model that answers every image."""
    if not scores.decision.abstains:
        return {}
    family = metrics_of(SelectiveMetric, multi_label=scores.multi_label)
    shares = {each.name: each.formula(scores) for each in family}
    return {
        name: wilson_interval(int(counted.sum()), int(among.sum()))
        for name, (counted, among) in shares.items()
        if among.any()
    }
