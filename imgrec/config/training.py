"""Section `training` of a config: how the model learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from imgrec.config.keras.callbacks import Callback, Mode, MonitorBase, ReduceLROnPlateau
from imgrec.config.keras.losses import Loss
from imgrec.config.keras.metrics import Direction, KerasMetric, accuracy, metric_directions
from imgrec.config.keras.named import Named
from imgrec.config.keras.optimizers import Adam, Optimizer
from imgrec.config.keras.optimizers import LearningRateSchedule as LearningRate
from imgrec.sections.problems import shown_value, unknown
from imgrec.sections.section import ConfigFinding, NonNegativeFloat, Says, Section, Text
from imgrec.sections.yaml import KeyPath

Precision = Literal["float32", "float16", "int8"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600}

Often = Annotated[
    str,
    Field(pattern=r"^([1-9][0-9]{0,8} (second|minute|hour|step)s?|1 epoch)$"),
    Says("how often, such as 5 minutes, 200 steps, or 1 epoch"),
]
"""How often something is done: a time, a number of steps, or after each epoch."""


@dataclass(frozen=True)
class Interval:
    """Every so many `unit`; `epochs`: at the end of each, never within one."""

    count: int
    unit: Literal["seconds", "steps", "epochs"]


class Checkpoint(Section):
    """How often a training can go on from, and which epoch is the best one."""

    every: Often = Field(
        default="5 minutes",
        description="How often a checkpoint is written within an epoch: a time such as "
        "`5 minutes`, `200 steps`, or `1 epoch` for never. One is written after each epoch.",
    )
    keep: Annotated[PositiveInt | Literal["all"], Says("a whole number above 0", "all")] = Field(
        default=2, description="How many of the last checkpoints to keep; or `all`."
    )
    monitor: Text = Field(default="val_loss", description="The metric that tells the best epoch.")
    mode: Mode = Field(
        default="auto", description="Whether less or more is better; `auto` knows it by the name."
    )

    @property
    def interval(self) -> Interval:
        """`every` as numbers."""
        number, unit = self.every.split()
        unit = unit.removesuffix("s")
        if unit in _SECONDS:
            return Interval(int(number) * _SECONDS[unit], "seconds")
        return Interval(int(number), "steps" if unit == "step" else "epochs")


class FineTune(Section):
    """A second part of the training, in which the frozen backbone learns too.

    It goes on with the weights that the first part ended with: not their average, and not those of
    the best epoch. `best.keras` is the best of both parts.
    """

    first_layer: Text = Field(
        alias="from",
        description="The first layer of the backbone that learns, by its name in Keras such as "
        "`block5_conv1`, or `all`. Batch normalization keeps its mean and variance.",
    )
    epochs: PositiveInt = Field(
        default=5, description="How often each training image is seen, after `training.epochs`."
    )
    learning_rate: LearningRate = Field(
        default=1e-5,
        description="Of a new optimizer, of the same kind and with its other arguments.",
    )


class Training(Section):
    """How long, with which loss and optimizer, and what is watched."""

    epochs: PositiveInt = Field(default=10, description="How often each training image is seen.")
    loss: Loss | None = Field(
        default=None,
        description="By default categorical cross-entropy for softmax, binary for sigmoid.",
    )
    optimizer: Optimizer = Field(
        default_factory=Adam,
        description="How weights follow the loss. With `use_ema` what is validated and saved has "
        "the average of the weights, but batch normalization's mean and variance as they are: "
        "what is validated in the first 1 / (1 - `ema_momentum`) steps or more says little.",
    )
    metrics: list[KerasMetric] = Field(
        default_factory=lambda: list[Named]([accuracy()]), description="What is shown each epoch."
    )
    class_weight: (
        Annotated[
            Literal["balanced"] | dict[str, NonNegativeFloat],
            Says("balanced", "a weight for each class such as {cat: 1, dog: 2}"),
        ]
        | None
    ) = Field(
        default=None,
        description="How much each class counts in the loss; `balanced`: by how rare it is. Of an "
        "image mixed by mixup or cutmix each part counts as its own class.",
    )
    steps_per_epoch: PositiveInt | None = Field(
        default=None, description="Batches per epoch; by default as many as the images make."
    )
    validation_steps: PositiveInt | None = Field(
        default=None, description="Batches per validation; by default all."
    )
    callbacks: list[Callback] = Field(
        default_factory=list[Named], description="Keras callbacks, in this order."
    )
    feature_views: PositiveInt | None = Field(
        default=None,
        description="With a frozen backbone and augmentation: compute the features of so many "
        "augmented views of each image once, and take them in turn; with `data.cache: none` the "
        "same views, computed each time. By default images are augmented anew each epoch.",
    )
    fine_tune: FineTune | None = Field(
        default=None,
        description="What follows on a head's training: the backbone learns too. What is below "
        "the first layer that does is computed once, as long as images are not augmented anew.",
    )
    checkpoint: Checkpoint = Field(default_factory=Checkpoint, description="What is saved.")
    on_nan: Literal["stop", "restore"] = Field(
        default="stop",
        description="What happens when the loss is no number any more, or a thousand times that "
        "of the first step. `stop`: the training ends there; the best epoch stays. `restore`: "
        "the epoch begins again with half the learning rate, at most 5 times in a training.",
    )
    precision: Literal["auto", "float32", "mixed_float16"] = Field(
        default="auto", description="`auto`: mixed_float16 on a GPU, float32 on a CPU."
    )
    deterministic: bool = Field(
        default=False,
        description="The same weights from the same seed on a GPU too, at some speed; "
        "on a CPU it is always so.",
    )

    export: Annotated[list[Precision], Says("a list of float32, float16 and int8")] = Field(
        default_factory=lambda: list[Precision](["float32"]),
        description="LiteRT files to write at the end, which predict without TensorFlow.",
    )

    @property
    def measured(self) -> dict[str, Direction | None]:
        """The names that may be monitored, with what is better where Keras can tell."""
        found = metric_directions(self.metrics)
        return found | {f"val_{name}": direction for name, direction in found.items()}

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield what is monitored but not measured, and callbacks that do not fit."""
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
            message = f"must be min or max: whether less {name} is better does not follow by itself"
            yield (*path, "mode"), message

    def _schedule_problems(self) -> Iterator[ConfigFinding]:
        rates = [self.optimizer.arguments().get("learning_rate")]
        rates += [self.fine_tune.learning_rate] if self.fine_tune else []
        if not any(isinstance(rate, Named) for rate in rates):
            return
        if self.on_nan == "restore":
            yield ("on_nan",), "restore halves the learning rate, and the optimizer's is a schedule"
        for index, callback in enumerate(self.callbacks):
            if isinstance(callback, ReduceLROnPlateau):
                yield ("callbacks", index), "the optimizer's learning_rate is a schedule already"
