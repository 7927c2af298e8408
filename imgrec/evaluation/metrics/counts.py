"""Metrics from the hits, predictions and support of the classes.

The numbers are scikit-learn's with `zero_division=0`. They are computed here since a thousand
resampled pairs of models go through the same lines at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.intervals import around, exact_interval
from imgrec.evaluation.metrics.means import F1, mean_interval
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import ClassMetric, CountMetric, Counts, Floats, metrics_of, ratio
from imgrec.scores import Scores


def count_images(scores: Scores) -> tuple[NDArray[np.int64], Counts]:
    """Return the confusion as in Evaluation, and the counts of all images as a single sample."""
    if scores.multi_label:
        hits = (scores.positives & scores.answers).sum(axis=0)
        predicted, support = scores.answers.sum(axis=0), scores.positives.sum(axis=0)
        rejected = len(scores.names) - predicted - support + hits
        cells = [[rejected, predicted - hits], [support - hits, hits]]
        return np.array(cells, np.int64).transpose(2, 0, 1), _counts(hits, predicted, support)
    classes = len(scores.classes)
    cells = scores.true_labels * classes + scores.probabilities.argmax(1)
    found = np.bincount(cells, minlength=classes**2).reshape(classes, classes).astype(np.int64)
    return found, _counts(found.diagonal(), found.sum(axis=0), found.sum(axis=1))


def sum_counts(scores: Scores) -> Any:
    """Return the sparse matrix (3 * classes, images) that sums hits, predicted and support.

    It does so over any sample of the images: its product with (images, samples), cut in three.
    """
    from scipy.sparse import csr_array, vstack

    answers, positives = scores.answers, scores.positives
    found = (answers & positives, answers, positives)
    return vstack([csr_array(each.T, dtype=np.float64) for each in found], format="csr")


def count_values(counts: Counts, *, multi_label: bool) -> Mapping[str, Floats]:
    """Return each metric by its name, float64 (samples,) each, NaN where it is undefined."""
    family = metrics_of(CountMetric, multi_label=multi_label)
    return {each.name: each.values(counts) for each in family}


def count_metrics(
    counts: Counts, *, multi_label: bool, dependence: float
) -> Mapping[str, MetricValue]:
    """Return the metrics of all images with their intervals.

    Args:
        counts: Of the images, as a single sample.
        multi_label: Whether images may have multiple labels.
        dependence: That of the classes' F1, as of `dependence_of`.
    """
    found = {}
    for metric in metrics_of(CountMetric, multi_label=multi_label):
        value = float(metric.values(counts)[0])
        if np.isfinite(value):
            part, whole, weights = (each[0] for each in metric.formula(counts))
            if metric.is_f1:
                hits, union = _union(part, whole)
                found[metric.name] = mean_interval(
                    value, hits, union, weights, scale=F1, dependence=dependence
                )
            else:
                found[metric.name] = mean_interval(value, part, whole, weights)
    return found


def class_metrics(counts: Counts, *, multi_label: bool) -> Mapping[str, tuple[MetricValue, ...]]:
    """Return the metrics of each class with their exact intervals, in the order of the classes."""
    found = {}
    for metric in metrics_of(ClassMetric, multi_label=multi_label):
        part, whole = (each[0] for each in metric.formula(counts))
        if metric.name == "f1":
            values = zip(ratio(part, whole), *_union(part, whole), strict=True)
            found[metric.name] = tuple(_class_f1(*each) for each in values)
        else:
            pairs = zip(part, whole, strict=True)
            found[metric.name] = tuple(exact_interval(hits, total) for hits, total in pairs)
    return found


def _class_f1(value: float, hits: float, union: float) -> MetricValue:
    """Return F1 with the interval of the hits among the images of the class or predicted to be.

    That is a proportion, of which F1 is an increasing function.
    """
    found = exact_interval(hits, union)
    if found.low is None or found.high is None:
        return MetricValue(float(value))
    low, high = F1.value(np.array([found.low, found.high]))
    return around(value, low, high)


def _union(part: Floats, whole: Floats) -> tuple[Floats, Floats]:
    """Return the hits, and the images that have the class or are predicted to, from F1's parts."""
    return part / 2, whole - part / 2


def _counts(*of_classes: NDArray[np.int64]) -> Counts:
    return Counts(*(each.astype(np.float64)[np.newaxis] for each in of_classes))
