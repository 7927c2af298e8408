"""Every metric of an evaluation: its name, its formula, and where its interval comes from.

`--require`, the reports, the comparison of two models and docs/metrics.md read this table. To add a
metric, write its formula and its entry in `METRICS`; the family that the entry belongs to computes
its values and its interval in `imgrec.evaluation.metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgrec.scores import Scores

    Floats: TypeAlias = NDArray[np.float64]
else:
    Floats = Any  # configs and the command line read the table without NumPy

Unit = Literal["proportion", "score", "loss"]
Labels = Literal["single", "multi", "both"]
Scope = Literal["whole", "slice", "class"]
IntervalMethod = Literal[
    "exact", "effective sample size", "percentile bootstrap", "basic bootstrap"
]

_WHOLE: tuple[Scope, ...] = ("whole", "slice")


@dataclass(frozen=True)
class Metric:
    """A metric, as users see it.

    Args:
        name: The name in `--require`, in JSON and in Python.
        title: The name in reports, where `{k}` is the k of `top_k_accuracy`.
        unit: A proportion is shown in percent, the others as decimals. A lower loss is better,
            a higher proportion or score.
        description: What is measured, one line.
        limits: The lowest and the highest value that is possible.
        labels: Whether it is measured where images have a single label, multiple, or both.
        scopes: What it is measured of: all images, a slice of them, one class.
        interval: How its 95 % confidence interval is computed.
        costly: Whether the interval takes so long that large sets of images and slices have none.
        paired: Whether a drop against a baseline can be judged.
        needs_images: Whether a class without images has no value.
    """

    name: str
    title: str
    unit: Unit
    description: str
    _: KW_ONLY
    limits: tuple[float, float] = (0, 1)
    labels: Labels = "both"
    scopes: tuple[Scope, ...] = _WHOLE
    interval: IntervalMethod = "percentile bootstrap"
    costly: bool = False
    paired: bool = True
    needs_images: bool = True

    @property
    def in_words(self) -> str:
        """The title within a sentence, such as `calibration error`."""
        title = self.title.format(k="k")
        return title[0].lower() + title[1:] if title[1].islower() else title

    @property
    def lower_is_better(self) -> bool:
        """Whether a model with a lower value is better."""
        return self.unit == "loss"

    def applies(self, *, multi_label: bool) -> bool:
        """Return whether it is measured where images have multiple labels, or a single one."""
        return self.labels in ("both", "multi" if multi_label else "single")


@dataclass(frozen=True)
class SamplewiseMetric(Metric):
    """The mean of a value of each image.

    Args:
        formula: From scores and the k of `top_k_accuracy` to float64 (images,).
    """

    formula: Callable[[Scores, int], Floats]


@dataclass(frozen=True)
class Counts:
    """Images by class, each float64 (samples, classes); the first sample is all images.

    Args:
        hits: Those of the class that are predicted to have it.
        predicted: Those predicted to have the class.
        support: Those of the class.
    """

    hits: Floats
    predicted: Floats
    support: Floats


@dataclass(frozen=True)
class CountMetric(Metric):
    """The weighted mean over classes of one count divided by another.

    Args:
        formula: From counts to both, and to the weights, float64 (samples, classes) each.
        is_f1: Whether the value of a class is its F1, else it is a recall.
    """

    formula: Callable[[Counts], tuple[Floats, Floats, Floats]]
    is_f1: bool = field(default=True, kw_only=True)
    interval: IntervalMethod = field(default="effective sample size", kw_only=True)

    def values(self, counts: Counts) -> Floats:
        """Return the metric of each sample, float64 (samples,), NaN where it has no value."""
        part, whole, weights = self.formula(counts)
        return _mean(ratio(part, whole) * weights, weights)


@dataclass(frozen=True)
class ClassMetric(Metric):
    """One count of a class divided by another, 0 where the other is 0.

    Args:
        formula: From counts to both, float64 (samples, classes) each.
    """

    formula: Callable[[Counts], tuple[Floats, Floats]]
    scopes: tuple[Scope, ...] = field(default=("class",), kw_only=True)
    interval: IntervalMethod = field(default="exact", kw_only=True)
    paired: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class RankedImages:
    """The images in the order of a class's probability, the highest first.

    Args:
        images: How many share each probability, float64 (probabilities, samples).
        hits: How many of them have the class, the same shape.
    """

    images: Floats
    hits: Floats

    @cached_property
    def others(self) -> Floats:
        """How many of those that share a probability do not have the class."""
        return self.images - self.hits

    @cached_property
    def pairs(self) -> Floats:
        """The number of pairs of an image with and one without the class, float64 (samples,)."""
        pairs: Floats = self.hits.sum(axis=0) * self.others.sum(axis=0)
        return pairs


@dataclass(frozen=True)
class RankingMetric(Metric):
    """How well a class's probability separates its images; the mean over the classes.

    Args:
        formula: From the ranked images of a class to float64 (samples,), NaN where a sample has
            no image of the class, or only such.
        trials: From the number of images with and without the class to that of the images on
            which the value rests.
        is_bound: Whether the variance of so many images is a bound, twice the usual one, so that
            classes that share their errors need no more.
    """

    formula: Callable[[RankedImages], Floats]
    trials: Callable[[Floats, Floats], Floats]
    is_bound: bool = field(default=False, kw_only=True)
    scopes: tuple[Scope, ...] = field(default=("whole", "slice", "class"), kw_only=True)
    interval: IntervalMethod = field(default="effective sample size", kw_only=True)


@dataclass(frozen=True)
class SelectiveMetric(Metric):
    """A fraction of the images of a model with selective prediction; absent of no images.

    Args:
        formula: From scores to the images that count and those of which they are a fraction, bool
            (images,) each.
    """

    formula: Callable[[Scores], tuple[NDArray[np.bool_], NDArray[np.bool_]]]
    labels: Labels = field(default="single", kw_only=True)
    interval: IntervalMethod = field(default="exact", kw_only=True)
    paired: bool = field(default=False, kw_only=True)


AnyMetric = TypeVar("AnyMetric", bound=Metric)


def metrics_of(family: type[AnyMetric], *, multi_label: bool) -> tuple[AnyMetric, ...]:
    """Return the metrics of a family that are measured of images with such labels."""
    return tuple(
        each
        for each in METRICS.values()
        if isinstance(each, family) and each.applies(multi_label=multi_label)
    )


def metric_names(scope: Scope) -> tuple[str, ...]:
    """Return the names of the metrics that are measured of all images, a slice, or a class."""
    return tuple(each.name for each in METRICS.values() if scope in each.scopes)


def ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, 0 where `whole` is 0."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _mean(parts: Floats, weights: NDArray[Any]) -> Floats:
    """Return the sum of `parts` over the classes divided by that of `weights`, NaN for 0 / 0."""
    import numpy as np

    whole = weights.sum(axis=1)
    unknown = np.full(len(whole), np.nan)
    return np.asarray(np.divide(parts.sum(axis=1), whole, out=unknown, where=whole > 0))


def _accuracy(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    return scores.right.astype(np.float64)


def _top_k_accuracy(scores: Scores, top_k: int) -> Floats:
    import numpy as np

    probabilities, truth = scores.probabilities, scores.true_labels
    of_truth = probabilities[np.arange(len(truth)), truth][:, None]
    # Of classes with the same probability, the one listed first comes first.
    listed_before = np.arange(probabilities.shape[1]) < truth[:, None]
    before = (probabilities > of_truth) | ((probabilities == of_truth) & listed_before)
    return np.asarray(before.sum(axis=1) < top_k, np.float64)


def _hamming_loss(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    return np.asarray((scores.answers != scores.positives).mean(axis=1))


def _samples_f1(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    answers, positives = scores.answers, scores.positives
    hits, named = (answers & positives).sum(axis=1), answers.sum(axis=1) + positives.sum(axis=1)
    return np.where(named > 0, 2 * hits / np.maximum(named, 1), 1.0)


def _log_loss(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    probabilities, truth = scores.choices, scores.true_choices
    # As scikit-learn clips in float64; its one-hot copies of the truth need gigabytes at 50,000
    # images of 1,000 classes.
    smallest = float(np.finfo(np.float64).eps)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return _by_image(-np.log(np.clip(of_truth, smallest, 1 - smallest)), scores)


def _brier(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    probabilities, truth = scores.choices, scores.true_choices
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    scale = 0.5 if probabilities.shape[1] == 2 else 1.0
    return _by_image(scale * np.maximum(squares - 2 * of_truth + 1, 0), scores)


def _by_image(of_options: Floats, scores: Scores) -> Floats:
    import numpy as np

    return np.asarray(of_options.reshape(len(scores.names), -1).mean(axis=1))


def _every_image(scores: Scores) -> NDArray[np.bool_]:
    import numpy as np

    return np.ones(len(scores.names), bool)


def _balanced_accuracy(counts: Counts) -> tuple[Floats, Floats, Floats]:
    return counts.hits, counts.support, (counts.support > 0).astype(counts.support.dtype)


def _f1(counts: Counts) -> tuple[Floats, Floats]:
    return 2 * counts.hits, counts.support + counts.predicted


def _macro_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    part, whole = _f1(counts)
    return part, whole, (whole > 0).astype(whole.dtype)


def _micro_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    part, whole = (each.sum(axis=1, keepdims=True) for each in _f1(counts))
    return part, whole, (whole > 0).astype(whole.dtype)


def _weighted_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    return *_f1(counts), counts.support


def _roc_auc(ranked: RankedImages) -> Floats:
    import numpy as np

    below = ranked.others[::-1].cumsum(axis=0)[::-1] - ranked.others / 2
    unknown = np.full(ranked.pairs.shape, np.nan)
    won = (ranked.hits * below).sum(axis=0)
    return np.asarray(np.divide(won, ranked.pairs, out=unknown, where=ranked.pairs > 0))


def _average_precision(ranked: RankedImages) -> Floats:
    import numpy as np

    precision = ranked.hits.cumsum(axis=0) / np.maximum(ranked.images.cumsum(axis=0), 1)
    unknown = np.full(ranked.pairs.shape, np.nan)
    found = ranked.hits.sum(axis=0)
    summed = (ranked.hits * precision).sum(axis=0)
    return np.asarray(np.divide(summed, found, out=unknown, where=ranked.pairs > 0))


def _fewer(having: Floats, others: Floats) -> Floats:
    """Return the smaller number: the variance is at most that of a proportion of so many."""
    import numpy as np

    return np.minimum(having, others)


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        SamplewiseMetric(
            "accuracy",
            "Accuracy",
            "proportion",
            "Fraction of the images whose most probable class is the true one; with multiple "
            "labels, of the images with exactly the true labels.",
            _accuracy,
            interval="exact",
        ),
        SamplewiseMetric(
            "top_k_accuracy",
            "Top-{k} accuracy",
            "proportion",
            "Fraction of the images whose true class is among the k most probable.",
            _top_k_accuracy,
            labels="single",
            interval="exact",
        ),
        CountMetric(
            "balanced_accuracy",
            "Balanced accuracy",
            "proportion",
            "Mean recall of the classes that have images.",
            _balanced_accuracy,
            is_f1=False,
            labels="single",
        ),
        SamplewiseMetric(
            "hamming_loss",
            "Hamming loss",
            "loss",
            "Fraction of wrong labels, of all classes and images.",
            _hamming_loss,
            labels="multi",
        ),
        CountMetric(
            "macro_f1",
            "Macro F1",
            "proportion",
            "Mean F1 of the classes that have images or are predicted.",
            _macro_f1,
        ),
        CountMetric(
            "micro_f1",
            "Micro F1",
            "proportion",
            "F1 of the labels of all classes together.",
            _micro_f1,
            labels="multi",
        ),
        CountMetric(
            "weighted_f1",
            "Weighted F1",
            "proportion",
            "Mean F1 of the classes, weighted by their images.",
            _weighted_f1,
        ),
        SamplewiseMetric(
            "samples_f1",
            "F1 per image",
            "proportion",
            "Mean F1 of the images, 1 for an image that rightly gets no label.",
            _samples_f1,
            labels="multi",
        ),
        ClassMetric(
            "precision",
            "Precision",
            "proportion",
            "Fraction of the images predicted to have the class that have it.",
            lambda counts: (counts.hits, counts.predicted),
            interval="exact",
            needs_images=False,
        ),
        ClassMetric(
            "recall",
            "Recall",
            "proportion",
            "Fraction of the images of the class that are predicted to have it.",
            lambda counts: (counts.hits, counts.support),
            interval="exact",
        ),
        ClassMetric(
            "f1",
            "F1",
            "proportion",
            "Harmonic mean of precision and recall.",
            _f1,
        ),
        RankingMetric(
            "roc_auc",
            "ROC-AUC",
            "score",
            "Area under the ROC curve of a class against the rest; of all images the mean over the "
            "classes.",
            _roc_auc,
            _fewer,
            is_bound=True,
        ),
        RankingMetric(
            "average_precision",
            "Average precision",
            "score",
            "Area under the precision-recall curve of a class against the rest; of all images the "
            "mean over the classes.",
            _average_precision,
            lambda having, _others: having,
        ),
        SamplewiseMetric(
            "log_loss",
            "Log loss",
            "loss",
            "Mean cross-entropy in nats; with multiple labels, of all classes.",
            _log_loss,
            limits=(0, math.inf),
        ),
        SamplewiseMetric(
            "brier",
            "Brier score",
            "loss",
            "Mean squared distance of the probabilities from the truth, summed over the classes; "
            "half of it with two classes or multiple labels (Brier, 1950).",
            _brier,
            limits=(0, 2),
        ),
        # Its formula is not a mean over images: `imgrec.evaluation.metrics.calibration`. The
        # difference of two has no interval that holds: of equal models on 90 images, the paired
        # bootstrap calls one in four worse or better.
        Metric(
            "ece",
            "Calibration error",
            "loss",
            "Expected calibration error of the highest probability, with multiple labels of all "
            "probabilities: 15 bins of equal width (Guo et al., 2017).",
            interval="basic bootstrap",
            costly=True,
            paired=False,
        ),
        SelectiveMetric(
            "coverage",
            "Coverage",
            "proportion",
            'Fraction of the images that are answered, not "unknown".',
            lambda scores: (scores.known, _every_image(scores)),
        ),
        SelectiveMetric(
            "selective_accuracy",
            "Selective accuracy",
            "proportion",
            "Fraction of the answered images whose answer is right.",
            lambda scores: (scores.right & scores.known, scores.known),
        ),
    )
}
"""Every metric by its name, in the order of reports and JSON."""
