"""The Keras metrics for classifiers, by class name or by Keras' lower-case name.

They are shown during training; `imgrec evaluate` computes its own, longer list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt

from imgrec.config.keras.losses import LOGITS, Truth
from imgrec.config.keras.named import Named, OneOf, snake_case, table
from imgrec.sections.section import Fraction, Name, PositiveFloat

Direction = Literal["min", "max"]


class MetricBase(Named):
    """A metric.

    Attributes:
        truths: The forms of truth that it can be computed with.
        direction: Whether lower (`min`) or higher (`max`) is better; None if Keras doesn't know.
    """

    truths: ClassVar[tuple[Truth, ...]] = ("one_hot", "binary")
    direction: ClassVar[Direction | None] = "max"
    elsewhere: ClassVar[dict[str, str]] = {"from_logits": LOGITS}
    name: Name | None = None


class accuracy(Named):  # noqa: N801 - its name in Keras
    """The fraction of images that are classified correctly; Keras adapts it to the output.

    With `data.multi_label`: the fraction of right answers, one per class and image.
    """

    truths: ClassVar[tuple[Truth, ...]] = ("one_hot", "binary", "index")
    direction: ClassVar[Direction | None] = "max"


class _OneHot(MetricBase):
    truths: ClassVar[tuple[Truth, ...]] = ("one_hot",)


class _Index(MetricBase):
    truths: ClassVar[tuple[Truth, ...]] = ("index",)


class CategoricalAccuracy(_OneHot):
    """The fraction of images whose most probable class is the true one."""


class TopKCategoricalAccuracy(_OneHot):
    """The fraction of images with the true class among the `k` most probable ones."""

    positional: ClassVar[tuple[str, ...]] = ("k",)
    k: PositiveInt = 5


class SparseCategoricalAccuracy(_Index):
    """CategoricalAccuracy for losses on class indices."""


class SparseTopKCategoricalAccuracy(_Index):
    """TopKCategoricalAccuracy for losses on class indices."""

    positional: ClassVar[tuple[str, ...]] = ("k",)
    k: PositiveInt = 5


class BinaryAccuracy(MetricBase):
    """The fraction of outputs on the right side of `threshold`."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5


class CategoricalCrossentropy(_OneHot):
    """The cross-entropy, without penalties and class weights."""

    direction: ClassVar[Direction | None] = "min"
    label_smoothing: Fraction = 0.0


class BinaryCrossentropy(MetricBase):
    """The binary cross-entropy, without penalties and class weights."""

    direction: ClassVar[Direction | None] = "min"
    label_smoothing: Fraction = 0.0


class AUC(MetricBase):
    """The area under the curve, of all classes together unless `multi_label` is true."""

    num_thresholds: Annotated[int, Field(ge=2)] = 200
    curve: Literal["ROC", "PR", "PRGAIN"] = "ROC"
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    multi_label: bool = False


class _Counting(MetricBase):
    direction: ClassVar[Direction | None] = None
    thresholds: Fraction | None = None


class FalseNegatives(_Counting):
    """The number of outputs that are wrongly below the threshold."""


class FalsePositives(_Counting):
    """The number of outputs that are wrongly above the threshold."""


class TrueNegatives(_Counting):
    """The number of outputs that are rightly below the threshold."""


class TruePositives(_Counting):
    """The number of outputs that are rightly above the threshold."""


class _Retrieval(_Counting):
    direction: ClassVar[Direction | None] = "max"
    top_k: PositiveInt | None = None
    class_id: Annotated[int, Field(ge=0)] | None = None


class Precision(_Retrieval):
    """The fraction of the outputs above the threshold that are right."""


class Recall(_Retrieval):
    """The fraction of the right outputs that are above the threshold."""


class F1Score(MetricBase):
    """The harmonic mean of precision and recall; `average` combines the classes."""

    average: Literal["micro", "macro", "weighted"]
    threshold: Annotated[float, Field(gt=0, le=1)] | None = None


class FBetaScore(F1Score):
    """F1Score in which recall counts `beta` times as much as precision."""

    beta: PositiveFloat = 1.0


class MeanSquaredError(MetricBase):
    """The squared error of the probabilities (Brier score)."""

    direction: ClassVar[Direction | None] = "min"


METRICS = table(
    accuracy,
    CategoricalAccuracy,
    TopKCategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    BinaryAccuracy,
    CategoricalCrossentropy,
    BinaryCrossentropy,
    AUC,
    Precision,
    Recall,
    F1Score,
    FBetaScore,
    TruePositives,
    TrueNegatives,
    FalsePositives,
    FalseNegatives,
    MeanSquaredError,
)
_SHORT = {
    "acc": "accuracy",
    "top_k_accuracy": "TopKCategoricalAccuracy",
    "top_5_accuracy": "TopKCategoricalAccuracy",
}
_ALIASES = snake_case(METRICS) | _SHORT
KerasMetric = Annotated[Named, OneOf("metric", METRICS, _ALIASES)]

_ACCURACIES = ("accuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "BinaryAccuracy")


def metric_directions(metrics: Sequence[Named]) -> dict[str, Direction | None]:
    """Return name -> direction of the loss and `metrics`.

    The direction is None if Keras doesn't know it, as for the second of two metrics of one name.
    """
    found: dict[str, Direction | None] = {"loss": "min"}
    for name, metric in zip(names(metrics), metrics, strict=True):
        if name != _name(metric):
            found[name] = None
        elif isinstance(metric, MetricBase | accuracy):
            found[name] = metric.direction
    return found


def history_name(name: str, metrics: Sequence[Named]) -> str:
    """Return the name in the history of a monitored metric; `name` if none is plainly meant.

    Args:
        name: As in the history or in `metrics`, for validation after `val_`.
        metrics: What is measured.

    Example:
        >>> history_name("val_acc", [BinaryAccuracy()])
        'val_binary_accuracy'
    """
    prefix, bare = ("val_", name[4:]) if name.startswith("val_") else ("", name)
    measured = names(metrics)
    if bare in ("loss", *measured):
        return name
    pairs = zip(measured, metrics, strict=True)
    meant = [each for each, metric in pairs if _is_called(bare, metric)]
    return prefix + meant[0] if len(meant) == 1 else name


def _is_called(name: str, metric: Named) -> bool:
    kind, own = _ALIASES.get(name, name), type(metric).__name__
    if name == "top_5_accuracy" and getattr(metric, "k", None) != 5:
        return False
    return own == kind or (kind == "accuracy" and own in _ACCURACIES)


def names(metrics: Sequence[Named]) -> list[str]:
    """Return the name of each metric in the history; repeated names get a number."""
    plain = [_name(metric) for metric in metrics]
    before = [plain[:index].count(name) for index, name in enumerate(plain)]
    return [f"{name}_{count}" if count else name for name, count in zip(plain, before, strict=True)]


def metric_problem(metric: Named, truth: Truth) -> str:
    """Return why `metric` can't be computed with `truth`; empty if it can."""
    if isinstance(metric, MetricBase | accuracy) and truth not in metric.truths:
        return f"{type(metric).__name__} does not fit the loss"
    if isinstance(metric, F1Score) and truth == "binary" and metric.threshold is None:
        return "with model.output: sigmoid, it needs a threshold such as 0.5"
    return ""


def _name(metric: Named) -> str:
    name = type(metric).__name__
    (default,) = snake_case([name])
    # The only default name that does not follow from the class's.
    default = default.replace("f_beta", "fbeta")
    return str(getattr(metric, "name", None) or default)
