"""The Keras losses for classifiers, by class name or by Keras' lower-case name.

Each loss defines the form of truth that it needs: `binary` (0 or 1, for `output: sigmoid`),
`one_hot` or `index` (for `output: softmax`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from imgrec.config.keras.named import Named, OneOf, snake_case, table
from imgrec.sections.section import Fraction, NonNegativeFloat, PositiveFloat, ProperFraction

Truth = Literal["binary", "one_hot", "index"]
Output = Literal["softmax", "sigmoid"]

LOGITS = "from_logits is always false: the output layer returns probabilities"
"""The message for a config that sets it."""


class LossBase(Named):
    """A loss.

    Attributes:
        truths: The forms of truth that it can be computed with, the preferred one first.
        mixes: Whether a truth may lie between classes, such as 0.3 cat and 0.7 dog.
    """

    elsewhere: ClassVar[dict[str, str]] = {"from_logits": LOGITS}
    truths: ClassVar[tuple[Truth, ...]] = ("one_hot", "binary")
    mixes: ClassVar[bool] = True


class _Softmax(LossBase):
    truths: ClassVar[tuple[Truth, ...]] = ("one_hot",)


class _Sigmoid(LossBase):
    truths: ClassVar[tuple[Truth, ...]] = ("binary",)


class CategoricalCrossentropy(_Softmax):
    """Cross-entropy between classes; `label_smoothing` softens the truth."""

    label_smoothing: ProperFraction = 0.0


class CategoricalFocalCrossentropy(_Softmax):
    """Cross-entropy that gives less weight to images that are already right."""

    alpha: Fraction = 0.25
    gamma: NonNegativeFloat = 2.0
    label_smoothing: ProperFraction = 0.0


class CategoricalGeneralizedCrossEntropy(LossBase):
    """Between cross-entropy and absolute error, for noisy labels; `q` in (0, 1)."""

    truths: ClassVar[tuple[Truth, ...]] = ("index",)
    mixes: ClassVar[bool] = False
    q: Annotated[float, Field(gt=0, lt=1)] = 0.5


class CategoricalHinge(_Softmax):
    """The margin between the true class and the best other class."""


class SparseCategoricalCrossentropy(LossBase):
    """CategoricalCrossentropy on class indices: less memory with very many classes."""

    truths: ClassVar[tuple[Truth, ...]] = ("index",)
    mixes: ClassVar[bool] = False


class BinaryCrossentropy(_Sigmoid):
    """Cross-entropy of two classes; `label_smoothing` softens the truth."""

    label_smoothing: ProperFraction = 0.0


class BinaryFocalCrossentropy(_Sigmoid):
    """BinaryCrossentropy that gives less weight to images that are already right."""

    apply_class_balancing: bool = False
    alpha: Fraction = 0.25
    gamma: NonNegativeFloat = 2.0
    label_smoothing: ProperFraction = 0.0


class Hinge(_Sigmoid):
    """The margin of two classes."""

    mixes: ClassVar[bool] = False


class SquaredHinge(_Sigmoid):
    """The squared margin of two classes."""

    mixes: ClassVar[bool] = False


class KLDivergence(_Softmax):
    """The Kullback-Leibler divergence from the truth."""


class MeanSquaredError(LossBase):
    """The squared error of the probabilities (Brier score)."""


class MeanAbsoluteError(LossBase):
    """The absolute error of the probabilities."""


class Huber(LossBase):
    """Squared error up to `delta`, linear beyond."""

    delta: PositiveFloat = 1.0


LOSSES = table(
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    KLDivergence,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    Hinge,
    SquaredHinge,
    MeanSquaredError,
    MeanAbsoluteError,
    Huber,
)
_SHORT = {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError"}
Loss = Annotated[LossBase, OneOf("loss", LOSSES, snake_case(LOSSES) | _SHORT)]


def default_loss(output: Output) -> LossBase:
    """Return the loss for `output` if the config has none."""
    return BinaryCrossentropy() if output == "sigmoid" else CategoricalCrossentropy()


def losses_for(output: Output, *, mixed: bool = False) -> list[str]:
    """Return the names of the losses that fit `output` and, if `mixed`, truths between classes."""
    return [
        name for name, cls in LOSSES.items() if truth_of(cls, output) and (not mixed or _mixes(cls))
    ]


def truth_of(loss: type[Named], output: Output) -> Truth | None:
    """Return the form of truth for `loss` with `output`; None if the two don't fit."""
    possible: tuple[Truth, ...] = ("binary",) if output == "sigmoid" else ("one_hot", "index")
    truths: tuple[Truth, ...] = loss.truths if issubclass(loss, LossBase) else ()
    return next((truth for truth in possible if truth in truths), None)


def _mixes(loss: type[Named]) -> bool:
    return issubclass(loss, LossBase) and loss.mixes
