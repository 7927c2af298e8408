"""The results of evaluations: numbers, verdicts, the comparison with a baseline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.corruption import Corruption
from imgrec.metrics import METRICS
from imgrec.scores import Scores, Skipped

FEWEST_IMAGES = 30
"""How many images a slice needs to be named the worst."""


@dataclass(frozen=True)
class MetricValue:
    """A number with its 95 % confidence interval, None if it has none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """The interval of a proportion: all from 0 to 1 if nothing is known of it."""
        return (
            0.0 if self.low is None else self.low,
            1.0 if self.high is None else self.high,
        )


@dataclass(frozen=True)
class ClassResult:
    """How well one class is recognized.

    Args:
        name: The class.
        metrics: By name; one that can't be computed is absent, such as ROC-AUC if no image or
            every image has the class.
        support: How many images have the class.
    """

    name: str
    metrics: Mapping[str, MetricValue]
    support: int

    def measured(self, name: str) -> MetricValue | None:
        """Return a metric by its name, None if these images can't measure it.

        That is a metric that is absent; recall and F1 of a class without images; and the precision
        of a class that is never predicted. Their values in `metrics` are 0, as in scikit-learn.
        """
        found = self.metrics.get(name)
        missing = METRICS[name].needs_images and not self.support
        never_predicted = name == "precision" and found is not None and found.low is None
        return None if missing or never_predicted else found


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose highest probability is in (low, high].

    confidence: its mean; accuracy: the fraction that is right; both 0 if `images` is 0.
    An image that may have several classes is counted for each of them: confidence is the mean of
    the class's probability, accuracy the fraction that has the class.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class CoverageCurve:
    """Accuracy against coverage, if only images that reach a threshold were answered.

    threshold, coverage, accuracy: float64 (points,), at most about 200, thresholds falling:
    the fraction of the images that is answered, in (0, 1], and the fraction of those that is
    right.
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]


@dataclass(frozen=True)
class SliceResult:
    """How good the model is on some of the images, such as `camera=front`, or on all, changed.

    metrics: as for all images, but without intervals for the costly ones (`Metric.costly`).
    corruption: how the images were changed, None for a part of them as they are. difference: how
    much the accuracy on changed images differs from that on the same images unchanged.
    """

    name: str
    images: int
    metrics: Mapping[str, MetricValue]
    corruption: Corruption | None = None
    difference: MetricDifference | None = None


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    images: how many images were used; those `skipped` are in none of the numbers.
    top_k: the k of top_k_accuracy, at most the number of classes.
    metrics: by name; one that can't be computed is absent, and `notes` says why.
    confusion: int64 (classes, classes), rows truth, columns prediction. Where an image may have
    several classes, int64 (classes, 2, 2), for each class rows without and with it, columns
    predicted without and with it.
    coverage_curve: None if an image may have several classes.
    notes: a sentence each about what was not computed, and other remarks on the numbers.
    thresholds: as in Decision; None if each image has exactly one class.
    """

    classes: tuple[str, ...]
    images: int
    skipped: tuple[Skipped, ...]
    top_k: int
    metrics: Mapping[str, MetricValue]
    per_class: tuple[ClassResult, ...]
    confusion: NDArray[np.int64]
    reliability: tuple[ReliabilityBin, ...]
    coverage_curve: CoverageCurve | None
    slices: tuple[SliceResult, ...] = ()
    notes: tuple[str, ...] = ()
    thresholds: tuple[float, ...] | None = None

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several classes, or none."""
        return self.thresholds is not None

    @property
    def rates(self) -> NDArray[np.float64]:
        """The confusion matrix by row: each divided by its sum, NaN for a class without images."""
        rows = self.confusion.sum(axis=-1, keepdims=True)
        rates = np.full(self.confusion.shape, np.nan)
        np.divide(self.confusion, rows, out=rates, where=rows > 0)
        return rates

    @property
    def parts(self) -> tuple[SliceResult, ...]:
        """The slices that are some of the images, as they are."""
        return tuple(each for each in self.slices if each.corruption is None)

    @property
    def corrupted(self) -> tuple[SliceResult, ...]:
        """The slices that are all images, changed by a corruption."""
        return tuple(each for each in self.slices if each.corruption is not None)

    @property
    def worst_slice(self) -> SliceResult | None:
        """The slice of at least 30 images with the lowest accuracy; None if there is none."""
        large = [each for each in self.slices if each.images >= FEWEST_IMAGES]
        return min(large, key=lambda each: each.metrics["accuracy"].value, default=None)


@dataclass(frozen=True)
class RequirementResult:
    """Whether one requirement was met.

    requirement: as the user wrote it, with normalized spaces: `recall[cats] >= 0.9`.
    value: what was measured; None if it can't be, which never meets a requirement.
    reason: one sentence for people, such as `recall[cats] is 85.0 %, less than 90 %`.
    """

    requirement: str
    value: float | None
    met: bool
    reason: str


Significance = Literal["better", "worse", "equal", "inconclusive"]
"""What a difference between two models means; `equal`: none of the images tells them apart."""


@dataclass(frozen=True)
class MetricDifference:
    """How much a metric differs from the baseline's, with its interval at `confidence`.

    value: this model's minus the baseline's. low, high: None if there is no interval. p: of
    McNemar's exact test, only for accuracy.
    finding: `better` or `worse` if the difference is significant, `equal` or `inconclusive`.
    """

    model: float
    baseline: float
    value: float
    low: float | None
    high: float | None
    p: float | None
    finding: Significance


@dataclass(frozen=True)
class ChangedAnswer:
    """An image that one of two models gets right and the other wrong.

    Where an image may have several classes, each text names all of them.
    """

    name: str
    truth: str
    model: str
    baseline: str


@dataclass(frozen=True)
class Comparison:
    """Two models on the same images.

    differences: by the metric's name in `Evaluation.metrics`.
    fixed: the images that the baseline got wrong and the model gets right; broken: the reverse.
    """

    model: str
    baseline: str
    images: int
    confidence: float
    differences: Mapping[str, MetricDifference]
    fixed: tuple[ChangedAnswer, ...]
    broken: tuple[ChangedAnswer, ...]


@dataclass(frozen=True)
class Assessment:
    """An evaluation, what was evaluated, and what came of the gate.

    run: the model's name (several, joined by ` + `, for an ensemble); split: the part of the
    data at `source`. verdicts: empty if nothing was required. facts: further names and values
    for the reports. test_looks: how often these images were looked at as a test set; None if that
    is not counted. leakage: how many of the images the model, or the baseline, was trained on.
    measured: when, in UTC. merged: the model's own classes that each merged class stands for, by
    its name.
    """

    run: str
    split: str
    source: str
    scores: Scores
    evaluation: Evaluation
    verdicts: tuple[RequirementResult, ...] = ()
    comparison: Comparison | None = None
    facts: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    test_looks: int | None = field(default=None, compare=False)
    leakage: int = 0
    measured: dt.datetime | None = field(default=None, compare=False)
    merged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every requirement was met."""
        return all(verdict.met for verdict in self.verdicts)
