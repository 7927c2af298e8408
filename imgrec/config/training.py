"""Section `training` of a config: how the model learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, Self, TypeVar, get_args

from pydantic import BeforeValidator, Field, PositiveInt

from imgrec.config.keras.callbacks import Callback, Mode, MonitorBase, ReduceLROnPlateau
from imgrec.config.keras.losses import Loss
from imgrec.config.keras.metrics import (
    Direction,
    KerasMetric,
    accuracy,
    history_name,
    metric_directions,
)
from imgrec.config.keras.named import Named
from imgrec.config.keras.optimizers import Adam, Optimizer
from imgrec.config.keras.optimizers import LearningRateSchedule as LearningRate
from imgrec.sections.problems import shown_value, unknown
from imgrec.sections.section import (
    ConfigFinding,
    NonNegativeFloat,
    OrOneItem,
    Says,
    Section,
    Text,
    field_error,
)
from imgrec.sections.yaml import KeyPath

Precision = Literal["float32", "float16", "int8"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}

Often = Annotated[
    str,
    Field(pattern=r"^([1-9][0-9]{0,8} (second|minute|hour|step)s?|1 epoch)$"),
    Says("an interval such as 5 minutes, 200 steps or 1 epoch"),
]
"""An interval: a time, a number of steps, or an epoch."""


@dataclass(frozen=True)
class Interval:
    """An interval of `count` units; in `epochs`, nothing is due within an epoch."""

    count: int
    unit: Literal["seconds", "steps", "epochs"]


class Checkpoint(Section):
    """How often to write checkpoints, and how to choose the best epoch."""

    every: Often = Field(
        default="5 minutes",
        description="How often to write a checkpoint within an epoch: a time such as `5 "
        "minutes`, a number of steps such as `200 steps`, or `1 epoch` for never. One is always "
        "written after each epoch.",
    )
    keep: Annotated[PositiveInt | Literal["all"], Says("a whole number above 0", "all")] = Field(
        default=2, description="How many of the latest checkpoints to keep, or `all`."
    )
    monitor: Text = Field(
        default="val_loss",
        description="The metric that decides which epoch is best: its name in the history, or as "
        "in `metrics`, such as `val_acc`. Without validation images, this and `callbacks` "
        "monitor the training images: `loss` in place of `val_loss`.",
    )
    mode: Mode = Field(
        default="auto",
        description="Whether lower (`min`) or higher (`max`) is better; `auto` infers it from "
        "the name.",
    )

    @property
    def interval(self) -> Interval:
        """`every` as numbers."""
        number, unit = self.every.split()
        unit = unit.removesuffix("s")
        if unit in _SECONDS:
            return Interval(int(number) * _SECONDS[unit], "seconds")
        return Interval(int(number), "steps" if unit == "step" else "epochs")


_Monitor = TypeVar("_Monitor", Checkpoint, MonitorBase)


class FineTune(Section):
    """A second phase of training, in which the backbone is trained too.

    It starts from the weights at the end of the first phase: not their average, and not those of
    the best epoch. `best.keras` is the best model of both phases.
    """

    first_layer: Text = Field(
        alias="from",
        description="The first layer of the backbone to train, by its Keras name such as "
        "`block5_conv1`, or `all`. Batch normalization stays in inference mode.",
    )
    epochs: PositiveInt = Field(default=5, description="Number of epochs, after `training.epochs`.")
    learning_rate: LearningRate = Field(
        default=1e-5,
        description="Learning rate of a new optimizer, which has the same class and other "
        "arguments as `training.optimizer`.",
    )


PrecisionPolicy = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16", "bfloat16"]


def _not_short(value: object) -> object:
    """Refuse what other libraries call a mixed precision, whose letters are nearer to bfloat16."""
    if value in ("bf16", "fp16"):
        meant = unknown(f"mixed_{value}", get_args(PrecisionPolicy))
        raise field_error(f"{shown_value(value)} is not allowed{meant}")
    return value


class Training(Section):
    """How to train: epochs, loss, optimizer, metrics, callbacks and checkpoints."""

    epochs: PositiveInt = Field(
        default=10, description="Number of passes over the training images."
    )
    loss: Loss | None = Field(
        default=None,
        description="The loss. By default categorical cross-entropy for softmax, binary "
        "cross-entropy for sigmoid.",
    )
    optimizer: Optimizer = Field(
        default_factory=Adam,
        description="The optimizer. With `use_ema`, the moving average of the weights is validated "
        "and saved, but batch normalization's mean and variance are not averaged; validation says "
        "little during the first 1 / (1 - `ema_momentum`) steps or more.",
    )
    metrics: Annotated[list[KerasMetric], OrOneItem()] = Field(
        default_factory=lambda: list[Named]([accuracy()]),
        description="Keras metrics to show after each epoch.",
    )
    class_weight: (
        Annotated[
            Literal["balanced"] | dict[str, NonNegativeFloat],
            Says("balanced", "a weight for each class such as {cat: 1, dog: 2}"),
        ]
        | None
    ) = Field(
        default=None,
        description="Weight of each class in the loss; `balanced`: inversely proportional to its "
        "frequency. For images mixed by mixup or cutmix, each part has the weight of its class.",
    )
    steps_per_epoch: PositiveInt | None = Field(
        default=None, description="Batches per epoch; by default, all images once."
    )
    validation_steps: PositiveInt | None = Field(
        default=None,
        description="Batches per validation; by default, all images. The images are stratified by "
        "class, drawn by the seed, and the same in every epoch.",
    )
    callbacks: Annotated[list[Callback], OrOneItem()] = Field(
        default_factory=list[Named], description="Keras callbacks, run in this order."
    )
    feature_views: PositiveInt | None = Field(
        default=None,
        description="With a frozen backbone and augmentation: compute the backbone's features of "
        "this many augmented views of each image once, and use them in turn. With `data.cache: "
        "none` the views are the same, but computed each time. By default images are augmented "
        "differently in each epoch.",
    )
    fine_tune: FineTune | None = Field(
        default=None,
        description="After the head is trained, the backbone is trained too. The output of the "
        "layers that stay frozen is computed once, unless images are augmented differently in each "
        "epoch.",
    )
    checkpoint: Checkpoint = Field(
        default_factory=Checkpoint, description="Checkpoints, and the choice of the best epoch."
    )
    on_nan: Literal["stop", "restore"] = Field(
        default="stop",
        description="What to do when the loss is NaN or infinite, or a thousand times that of "
        "the first step. `stop`: end the training; the best epoch is kept. `restore`: restart the "
        "epoch with half the learning rate, at most 5 times per training.",
    )
    precision: Annotated[PrecisionPolicy, BeforeValidator(_not_short)] = Field(
        default="auto",
        description="`auto`: mixed_float16 on a GPU, float32 on a CPU. mixed_bfloat16 is faster on "
        "a CPU with instructions for it, which `imgrec info` names, and slower on others; it may "
        "cost accuracy, as docs/results.md shows. In the mixed precisions weights are float32; in "
        "bfloat16 they are not, so that small updates of them are lost. The saved models always "
        "compute in float32.",
    )
    deterministic: bool = Field(
        default=False,
        description="Get the same weights from the same seed on a GPU too, at some cost in "
        "speed; on a CPU this is always so.",
    )

    export: Annotated[list[Precision], Says("a list of float32, float16 and int8"), OrOneItem()] = (
        Field(
            default_factory=lambda: list[Precision](["float32"]),
            description="Precisions of the LiteRT files to write at the end; they predict without "
            "TensorFlow.",
        )
    )

    @property
    def measured(self) -> dict[str, Direction | None]:
        """The metrics that can be monitored: name -> direction, None if Keras doesn't know it."""
        found = metric_directions(self.metrics)
        return found | {f"val_{name}": direction for name, direction in found.items()}

    def resolved(self) -> Self:
        """Return the section with the names of monitored metrics in the history."""
        checkpoint = self._monitoring(self.checkpoint)
        callbacks = [
            self._monitoring(each) if isinstance(each, MonitorBase) else each
            for each in self.callbacks
        ]
        if checkpoint == self.checkpoint and callbacks == self.callbacks:
            return self
        return self.model_copy(update={"checkpoint": checkpoint, "callbacks": callbacks})

    def _monitoring(self, watch: _Monitor) -> _Monitor:
        name = history_name(watch.monitor, self.metrics)
        return watch if name == watch.monitor else watch.model_copy(update={"monitor": name})

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield monitors that are not measured, and conflicts with a schedule."""
        yield from self._monitor_problems(self.checkpoint, ("checkpoint",))
        for index, callback in enumerate(self.callbacks):
            if isinstance(callback, MonitorBase):
                path = ("callbacks", index, type(callback).__name__)
                yield from self._monitor_problems(callback, path)
        yield from self._schedule_problems()

    def _monitor_problems(
        self, watch: Checkpoint | MonitorBase, path: KeyPath
    ) -> Iterator[ConfigFinding]:
        name, measured = watch.monitor, self.measured
        if name not in measured:
            message = f"{shown_value(name)} is not measured" + unknown(name, measured)
            yield (*path, "monitor"), message
        elif measured[name] is None and watch.mode == "auto":
            message = f"must be min or max: it can't be inferred whether a lower {name} is better"
            yield (*path, "mode"), message

    def _schedule_problems(self) -> Iterator[ConfigFinding]:
        rates = [self.optimizer.arguments().get("learning_rate")]
        rates += [self.fine_tune.learning_rate] if self.fine_tune else []
        if not any(isinstance(rate, Named) for rate in rates):
            return
        if self.on_nan == "restore":
            yield ("on_nan",), "restore halves the learning rate, which a schedule does not allow"
        for index, callback in enumerate(self.callbacks):
            if isinstance(callback, ReduceLROnPlateau):
                yield ("callbacks", index), "can't be combined with a learning rate schedule"
