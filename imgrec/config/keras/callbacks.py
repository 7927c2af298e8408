"""The Keras callbacks that a config can name."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeInt

from imgrec.config.keras.named import Named, OneOf, table
from imgrec.sections.section import NonNegativeFloat, Text

Mode = Literal["auto", "min", "max"]


class MonitorBase(Named):
    """A callback that monitors a metric."""

    positional: ClassVar[tuple[str, ...]] = ("monitor",)
    monitor: Text = "val_loss"
    min_delta: NonNegativeFloat = 0.0
    mode: Mode = "auto"


class EarlyStopping(MonitorBase):
    """Stops training after `patience` epochs without improvement of `monitor`."""

    elsewhere: ClassVar[dict[str, str]] = {
        "restore_best_weights": "is not needed: best.keras always holds the best epoch, "
        "see training.checkpoint.monitor"
    }

    patience: NonNegativeInt = 0
    baseline: float | None = None
    start_from_epoch: NonNegativeInt = 0


class ReduceLROnPlateau(MonitorBase):
    """Multiplies the learning rate by `factor` after `patience` epochs without improvement."""

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: NonNegativeInt = 10
    min_delta: NonNegativeFloat = 0.0001
    cooldown: NonNegativeInt = 0
    min_lr: NonNegativeFloat = 0.0


CALLBACKS = table(EarlyStopping, ReduceLROnPlateau)

_ITSELF = "not needed: "
_CHECKPOINT = f"{_ITSELF}every epoch is saved, see training.checkpoint"
_CODE = "runs code, which a config can't contain"
Callback = Annotated[
    Named,
    OneOf(
        "callback",
        CALLBACKS,
        elsewhere={
            "ModelCheckpoint": _CHECKPOINT,
            "OrbaxCheckpoint": _CHECKPOINT,
            "BackupAndRestore": f"{_ITSELF}see training.checkpoint and imgrec train --resume",
            "CSVLogger": f"{_ITSELF}every run has a history.csv",
            "History": f"{_ITSELF}every run has a history.csv",
            "TerminateOnNaN": f"{_ITSELF}see training.on_nan",
            "TensorBoard": "not a callback here: write `tracking: {tensorboard: true}`",
            "ProgbarLogger": f"{_ITSELF}progress is shown on stderr",
            "LearningRateScheduler": f"LearningRateScheduler {_CODE}; "
            "set the optimizer's learning_rate to a schedule such as CosineDecay",
            "LambdaCallback": f"LambdaCallback {_CODE}",
        },
    ),
]
