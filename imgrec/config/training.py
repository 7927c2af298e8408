"""Section `training` of a config: how the model learns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from imgrec.config.callbacks import Callback, Mode, MonitorBase, ReduceLROnPlateau
from imgrec.config.losses import Loss
from imgrec.config.metrics import Direction, Metric, accuracy, directions
from imgrec.config.named import Named
from imgrec.config.optimizers import Adam, Optimizer
from imgrec.config.problems import shown, unknown
from imgrec.config.section import Finding, Says, Section
from imgrec.config.values import NonNegativeFloat, Text
from imgrec.config.yaml import Path

Precision = Literal["float32", "float16", "int8"]


class Checkpoint(Section):
    """Which epochs stay on disk, and which of them is the best one."""

    keep: Annotated[PositiveInt | Literal["all"], Says("a whole number above 0", "all")] = Field(
        default=2, description="How many of the last epochs' states to keep; or `all`."
    )
    monitor: Text = Field(default="val_loss", description="The metric that tells the best epoch.")
    mode: Mode = Field(
        default="auto", description="Whether less or more is better; `auto` knows it by the name."
    )


class Training(Section):
    """How long, with which loss and optimizer, and what is watched."""

    epochs: PositiveInt = Field(default=10, description="How often each training image is seen.")
    loss: Loss | None = Field(
        default=None,
        description="By default categorical cross-entropy for softmax, binary for sigmoid.",
    )
    optimizer: Optimizer = Field(default_factory=Adam, description="How weights follow the loss.")
    metrics: list[Metric] = Field(
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
        description="How much each class counts in the loss; `balanced`: by how rare it is.",
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
        "augmented views of each image once, and take them in turn. By default images are "
        "augmented anew each epoch.",
    )
    checkpoint: Checkpoint = Field(default_factory=Checkpoint, description="What is saved.")
    precision: Literal["auto", "float32", "mixed_float16"] = Field(
        default="auto", description="`auto`: mixed_float16 on GPUs that are fast in it."
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
        found = directions(self.metrics)
        return found | {f"val_{name}": direction for name, direction in found.items()}

    def problems(self) -> Iterator[Finding]:
        """Yield what is monitored but not measured, and callbacks that do not fit."""
        yield from self._monitor_problems(self.checkpoint, ("checkpoint",))
        for index, callback in enumerate(self.callbacks):
            if isinstance(callback, MonitorBase):
                path = ("callbacks", index, type(callback).__name__)
                yield from self._monitor_problems(callback, path)
        yield from self._schedule_problems()

    def _monitor_problems(self, watch: Checkpoint | MonitorBase, path: Path) -> Iterator[Finding]:
        name, measured = watch.monitor, self.measured
        if name not in measured:
            message = f"{shown(name)} is not measured" + unknown(name, measured)
            yield (*path, "monitor"), message
        elif measured[name] is None and watch.mode == "auto":
            message = f"must be min or max: whether less {name} is better does not follow by itself"
            yield (*path, "mode"), message

    def _schedule_problems(self) -> Iterator[Finding]:
        if not isinstance(self.optimizer.arguments().get("learning_rate"), Named):
            return
        for index, callback in enumerate(self.callbacks):
            if isinstance(callback, ReduceLROnPlateau):
                yield ("callbacks", index), "the optimizer's learning_rate is a schedule already"
