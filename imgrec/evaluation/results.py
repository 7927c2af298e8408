"""What `evaluate` hands to the reports: numbers, verdicts, the comparison with a baseline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imgrec.scores import Scores, Skipped

FEWEST_IMAGES = 30
"""How many images a slice needs to be named the worst."""


@dataclass(frozen=True)
class MetricValue:
    """A number with its 95 % confidence interval, None where it has none."""

    value: float
    low: float | None = None
    high: float | None = None


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


@dataclass(frozen=True)
class ReliabilityBin:
    """The images whose highest probability is in (low, high].

    confidence: its mean; accuracy: the share that is right; both 0 where `images` is 0.
    Where an image may have several classes, it is counted for each: confidence is the mean of the
    class's probability, accuracy the share that has it.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class CoverageCurve:
    """What answering only where the highest probability reaches a threshold would give.

    threshold, coverage, accuracy: float64 (points,), at most about 200, thresholds falling:
    the share of the images that is answered, in (0, 1], and how many of those are right.
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]


@dataclass(frozen=True)
class SliceResult:
    """How good the model is on some of the images, such as `camera=front`.

    metrics: as those of the whole; ROC-AUC, average precision and calibration error, whose
    intervals take by far the longest, have none.
    """

    name: str
    images: int
    metrics: Mapping[str, MetricValue]


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    images: how many images were used; `skipped` are in no number.
    top_k: the k of top_k_accuracy, at most the number of classes.
    metrics: by name; one that can't be computed is absent, and `notes` says why.
    confusion: int64 (classes, classes), rows truth, columns prediction. Where an image may have
    several classes, int64 (classes, 2, 2), for each class rows without and with it, columns
    said not to have it and to have it.
    coverage_curve: None where an image may have several classes.
    notes: one sentence each on what was not computed, and on what else to know of the numbers.
    thresholds: as Scores has them.
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
    def worst_slice(self) -> SliceResult | None:
        """The slice of at least 30 images with the lowest accuracy; None where there is none."""
        large = [each for each in self.slices if each.images >= FEWEST_IMAGES]
        return min(large, key=lambda each: each.metrics["accuracy"].value, default=None)


@dataclass(frozen=True)
class RequirementResult:
    """Whether one requirement was met.

    requirement: as the user wrote it, blanks made even: `recall[cats] >= 0.9`.
    value: what was measured; None where it can't be, which never meets a requirement.
    reason: one sentence for people, such as `recall[cats] is 0.85, less than 0.9`.
    """

    requirement: str
    value: float | None
    met: bool
    reason: str


@dataclass(frozen=True)
class MetricDifference:
    """How much a metric differs from the baseline's, with its interval at `confidence`.

    value: this model's minus the baseline's; low, high: of the paired bootstrap, None where it
    has none. p: of McNemar's exact test, for accuracy alone.
    finding: `better` or `worse` if the difference is significant, `equal` or `inconclusive`.
    """

    model: float
    baseline: float
    value: float
    low: float | None
    high: float | None
    p: float | None
    finding: str


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
    data at `source`. verdicts: empty where nothing was required. facts: what else to say of
    the run, name and value. leakage: how many of the images the model, or the baseline, was
    trained on. measured: when, in UTC.
    """

    run: str
    split: str
    source: str
    scores: Scores
    evaluation: Evaluation
    verdicts: tuple[RequirementResult, ...] = ()
    comparison: Comparison | None = None
    facts: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    leakage: int = 0
    measured: dt.datetime | None = field(default=None, compare=False)

    @property
    def passed(self) -> bool:
        """Whether every requirement was met."""
        return all(verdict.met for verdict in self.verdicts)
