"""The Keras optimizers and learning rate schedules that a config can name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, PositiveInt
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from imgrec.config.keras.named import Named, OneOf, table
from imgrec.sections.problems import shown_value
from imgrec.sections.section import (
    ConfigFinding,
    Fraction,
    NonNegativeFloat,
    PositiveFloat,
    ProperFraction,
    field_error,
)


class ExponentialDecay(Named):
    """Multiplies the rate by `decay_rate` every `decay_steps` steps."""

    positional: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps", "decay_rate")
    initial_learning_rate: PositiveFloat
    decay_steps: PositiveInt
    decay_rate: PositiveFloat
    staircase: bool = False


class InverseTimeDecay(ExponentialDecay):
    """Divides the rate by 1 + `decay_rate` * step / `decay_steps`."""


class CosineDecay(Named):
    """Decays along a cosine to `alpha` times the initial rate, after an optional warm-up."""

    positional: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps")
    initial_learning_rate: NonNegativeFloat
    decay_steps: PositiveInt
    alpha: NonNegativeFloat = 0.0
    warmup_target: PositiveFloat | None = None
    warmup_steps: Annotated[int, Field(ge=0)] = 0

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield an incomplete warm-up, which Keras ignores."""
        if self.warmup_steps and self.warmup_target is None:
            yield ("warmup_steps",), "needs warmup_target, the rate at the end of the warm-up"
        if self.warmup_target is not None and not self.warmup_steps:
            yield ("warmup_target",), "needs warmup_steps, the length of the warm-up"


class CosineDecayRestarts(Named):
    """Cosine decay with restarts, each `t_mul` times as long and `m_mul` times as high."""

    positional: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "first_decay_steps")
    initial_learning_rate: PositiveFloat
    first_decay_steps: PositiveInt
    t_mul: PositiveFloat = 2.0
    m_mul: PositiveFloat = 1.0
    alpha: NonNegativeFloat = 0.0


class PolynomialDecay(Named):
    """Decays to `end_learning_rate` within `decay_steps` steps; linearly if `power` is 1."""

    positional: ClassVar[tuple[str, ...]] = ("initial_learning_rate", "decay_steps")
    initial_learning_rate: PositiveFloat
    decay_steps: PositiveInt
    end_learning_rate: NonNegativeFloat = 0.0001
    power: PositiveFloat = 1.0
    cycle: bool = False


class PiecewiseConstantDecay(Named):
    """Constant between `boundaries` (steps); there is one more of `values` than of boundaries."""

    positional: ClassVar[tuple[str, ...]] = ("boundaries", "values")
    boundaries: Annotated[list[PositiveInt], Field(min_length=1)]
    values: Annotated[list[PositiveFloat], Field(min_length=2)]

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield numbers of values and boundaries that don't fit."""
        if len(self.values) != len(self.boundaries) + 1:
            yield ("values",), "must have one more item than boundaries"


SCHEDULES = table(
    ExponentialDecay,
    InverseTimeDecay,
    CosineDecay,
    CosineDecayRestarts,
    PolynomialDecay,
    PiecewiseConstantDecay,
)


class _Rate(OneOf):
    """A number above 0, or one of the schedules."""

    def parse(self, value: Any) -> Any:
        """Return the number or the schedule that `value`, from YAML, stands for."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return super().parse(value)
        if not 0 < value <= sys.float_info.max:
            raise field_error(f"must be greater than 0, got {shown_value(value)}")
        return float(value)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schedule = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, schedule]}


LearningRateSchedule = Annotated[float | Named, _Rate("schedule", SCHEDULES)]


class _Optimizer(Named):
    elsewhere: ClassVar[dict[str, str]] = {
        "lr": "is called learning_rate in Keras 3",
        "decay": "does not exist in Keras 3; use the schedule InverseTimeDecay as learning_rate",
    }

    positional: ClassVar[tuple[str, ...]] = ("learning_rate",)
    renamed: ClassVar[dict[str, str]] = {"lr": "learning_rate"}
    learning_rate: LearningRateSchedule = 0.001
    weight_decay: NonNegativeFloat | None = None
    clipnorm: PositiveFloat | None = None
    clipvalue: PositiveFloat | None = None
    global_clipnorm: PositiveFloat | None = None
    use_ema: bool = False
    ema_momentum: ProperFraction = 0.99
    ema_overwrite_frequency: PositiveInt | None = None
    loss_scale_factor: PositiveFloat | None = None
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = None

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield ways of clipping that can't be combined."""
        ways = ("clipnorm", "clipvalue", "global_clipnorm")
        given = [way for way in ways if getattr(self, way) is not None]
        if len(given) > 1:
            yield (given[1],), f"can't be combined with {given[0]}"


class _Epsilon(_Optimizer):
    epsilon: NonNegativeFloat = 1e-7


class _Moments(_Epsilon):
    beta_1: ProperFraction = 0.9
    beta_2: ProperFraction = 0.999


class SGD(_Optimizer):
    """Stochastic gradient descent, with optional momentum."""

    positional: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum")
    learning_rate: LearningRateSchedule = 0.01
    momentum: Fraction = 0.0
    nesterov: bool = False


class RMSprop(_Epsilon):
    """Divides each step by a running mean of the gradient's magnitude."""

    rho: ProperFraction = 0.9
    momentum: Fraction = 0.0
    centered: bool = False


class Adam(_Moments):
    """Running means of the gradient and of its square; the usual first choice."""

    amsgrad: bool = False


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    weight_decay: NonNegativeFloat = 0.004


class Adamax(_Moments):
    """Adam with the infinity norm instead of the mean square."""


class Nadam(_Moments):
    """Adam with Nesterov momentum."""


class Lamb(_Moments):
    """Adam scaled per layer, for large batches."""


class Adagrad(_Epsilon):
    """Steps shrink with the sum of all squared gradients."""

    initial_accumulator_value: NonNegativeFloat = 0.1


class Adadelta(_Epsilon):
    """Adagrad with a moving window of gradients."""

    rho: ProperFraction = 0.95


class Ftrl(_Optimizer):
    """Follow the regularized leader; for sparse, shallow models."""

    learning_rate_power: Annotated[float, Field(le=0)] = -0.5
    initial_accumulator_value: NonNegativeFloat = 0.1
    l1_regularization_strength: NonNegativeFloat = 0.0
    l2_regularization_strength: NonNegativeFloat = 0.0
    l2_shrinkage_regularization_strength: NonNegativeFloat = 0.0
    beta: NonNegativeFloat = 0.0


class Lion(_Optimizer):
    """Uses only the sign of the momentum; needs a rate 3 to 10 times lower than Adam's."""

    beta_1: Annotated[float, Field(gt=0, le=1)] = 0.9
    beta_2: ProperFraction = 0.99


class Adafactor(_Optimizer):
    """Adam with less memory."""

    beta_2_decay: Annotated[float, Field(le=0)] = -0.8
    epsilon_1: PositiveFloat = 1e-30
    epsilon_2: PositiveFloat = 0.001
    clip_threshold: PositiveFloat = 1.0
    relative_step: bool = True


class Muon(_Epsilon):
    """Orthogonalized steps for matrices, Adam for everything else."""

    weight_decay: NonNegativeFloat = 0.004
    momentum: Fraction = 0.95
    nesterov: bool = True
    ns_steps: PositiveInt = 5
    rms_rate: PositiveFloat = 0.2
    adam_beta_1: ProperFraction = 0.9
    adam_beta_2: ProperFraction = 0.999
    adam_weight_decay: NonNegativeFloat = 0.004
    adam_lr_ratio: PositiveFloat = 1.0


OPTIMIZERS = table(
    Adam, AdamW, SGD, RMSprop, Nadam, Adamax, Adagrad, Adadelta, Adafactor, Ftrl, Lamb, Lion, Muon
)
Optimizer = Annotated[
    Named, OneOf("optimizer", OPTIMIZERS, aliases={name.lower(): name for name in OPTIMIZERS})
]
