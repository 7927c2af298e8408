"""What a metric is, and the families of metrics whose values are computed in the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

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
