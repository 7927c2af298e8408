"""Compare two models on the same images: whether one is significantly better.

Accuracy is judged by McNemar's exact test, all other metrics by the interval of their difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError, UsageError
from imgrec.evaluation.metrics import PairedDifference, paired_differences
from imgrec.evaluation.paired_tests import mcnemar
from imgrec.evaluation.results import (
    Assessment,
    ChangedAnswer,
    Comparison,
    MetricDifference,
    MetricValue,
    Significance,
)
from imgrec.metrics import METRICS, SelectiveMetric
from imgrec.scores import Scores
from imgrec.text import printable

_CONFIDENCE = 0.95


def compare(model: Assessment, baseline: Assessment, confidence: float = 0.95) -> Comparison:
    """Compare two assessments of the same images, in the same order of classes.

    `confidence`, in (0, 1), is the confidence level of the tests. A metric that one of them lacks
    is left out.
    Raises DataError if the images or their labels are not the same, UsageError if the classes
    are not.
    """
    _refuse_others(model.scores, baseline.scores, baseline.run)
    ours, theirs = model.scores.right, baseline.scores.right
    return Comparison(
        model=model.run,
        baseline=baseline.run,
        images=len(model.scores.names),
        confidence=confidence,
        differences=_differences(model, baseline, confidence),
        fixed=tuple(_changed(model, baseline, ours & ~theirs)),
        broken=tuple(_changed(model, baseline, theirs & ~ours)),
    )


def accuracy_difference(
    model: Scores, baseline: Scores, values: tuple[MetricValue, MetricValue]
) -> MetricDifference:
    """Return how much the accuracy in one list of scores differs from that in another.

    Args:
        model: The scores of a model.
        baseline: Scores of the same images, in the same order.
        values: The accuracy of both.
    """
    return _paired(model, baseline, 1, {"accuracy": values}, _CONFIDENCE)["accuracy"]


def _refuse_others(model: Scores, baseline: Scores, name: str) -> None:
    if model.classes != baseline.classes:
        raise UsageError(f"{printable(name)} has other classes, or the same ones in another order")
    if model.multi_label != baseline.multi_label:
        raise UsageError(f"of {printable(name)} and the model, one gives an image several classes")
    if model.names != baseline.names:
        differing = sorted(set(model.names) ^ set(baseline.names))
        example = f", such as {printable(differing[0])}" if differing else ", by their order"
        raise DataError(f"{printable(name)} was measured on other images{example}")
    if not np.array_equal(model.positives, baseline.positives):
        raise DataError(f"{printable(name)} was measured on images with other labels")


def _changed(
    model: Assessment, baseline: Assessment, where: NDArray[np.bool_]
) -> Iterator[ChangedAnswer]:
    scores = model.scores
    truth, ours, theirs = scores.positives, scores.answers, baseline.scores.answers
    for row in np.flatnonzero(where):
        yield ChangedAnswer(
            name=scores.names[row],
            truth=scores.named(truth[row]),
            model=scores.named(ours[row]),
            baseline=scores.named(theirs[row]),
        )


def _differences(
    model: Assessment, baseline: Assessment, confidence: float
) -> Mapping[str, MetricDifference]:
    ours, theirs = model.evaluation.metrics, baseline.evaluation.metrics
    # Each model has its own thresholds, so they answer different images.
    names = [
        name for name in ours if name in theirs and not isinstance(METRICS[name], SelectiveMetric)
    ]
    values = {name: (ours[name], theirs[name]) for name in names}
    top_k = model.evaluation.top_k
    return _paired(model.scores, baseline.scores, top_k, values, confidence)


def _paired(
    model: Scores,
    baseline: Scores,
    top_k: int,
    values: Mapping[str, tuple[MetricValue, MetricValue]],
    confidence: float,
) -> Mapping[str, MetricDifference]:
    found = paired_differences(model, baseline, top_k, values, confidence)
    p = {"accuracy": float(mcnemar(np.stack([model.right, baseline.right]))[0, 1])}
    return {
        name: _difference(name, (ours.value, theirs.value), found[name], p.get(name), confidence)
        for name, (ours, theirs) in values.items()
    }


def _difference(
    name: str,
    values: tuple[float, float],
    paired: PairedDifference,
    p: float | None,
    confidence: float,
) -> MetricDifference:
    value = values[0] - values[1]
    low, high = paired.bounds or (None, None)
    if p is not None:
        beyond_chance = p < 1 - confidence
    else:
        beyond_chance = low is not None and high is not None and (low > 0 or high < 0)
    if not paired.images:
        finding: Significance = "equal"
    elif beyond_chance:
        finding = "better" if (value < 0) == METRICS[name].lower_is_better else "worse"
    else:
        finding = "inconclusive"
    return MetricDifference(*values, value, low, high, p, finding)
