"""What is monitored in a training: which epoch is best, and a loss that explodes."""

from __future__ import annotations

import logging
import math
from collections import deque
from typing import Any

import numpy as np

from imgrec.config.keras.callbacks import MonitorBase
from imgrec.config.keras.metrics import Direction
from imgrec.config.keras.named import Named
from imgrec.config.training import Training
from imgrec.errors import SettingError
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.observers import BestEpoch

log = logging.getLogger("imgrec")


def monitored(training: Training, *, validated: bool) -> tuple[str, bool]:
    """Return the value by which the best epoch is chosen, and whether lower is better.

    Without validation images it is that of the training images.
    """
    checkpoint = training.checkpoint
    name = checkpoint.monitor if validated else checkpoint.monitor.removeprefix("val_")
    better: Direction | None = training.measured.get(name)
    return name, (better if checkpoint.mode == "auto" else checkpoint.mode) == "min"


def callbacks_of(training: Training, *, validated: bool) -> list[Named]:
    """Return the callbacks, which monitor the training images if there are none for validation."""
    if validated:
        return list(training.callbacks)
    return [
        each.model_copy(update={"monitor": each.monitor.removeprefix("val_")})
        if isinstance(each, MonitorBase)
        else each
        for each in training.callbacks
    ]


class Monitor:
    """Compares the monitored value of each epoch with the best one so far."""

    def __init__(self, training: Training, *, validated: bool) -> None:
        self.name, self._lower = monitored(training, validated=validated)
        if self.name != training.checkpoint.monitor:
            log.info("no validation images: the best epoch is the one with the best %s", self.name)
        callbacks = callbacks_of(training, validated=validated)
        for written, each in zip(training.callbacks, callbacks, strict=True):
            if isinstance(each, MonitorBase) and each != written:
                log.info("no validation images: %s monitors %s", type(each).__name__, each.monitor)

    def update(self, state: TrainingProgress, epoch: int, logs: dict[str, float]) -> bool:
        """Return whether `epoch` (from 1) is the best so far, and note it in `state`.

        Raises SettingError if the training does not measure the monitored value.
        """
        if self.name not in logs:
            raise SettingError(
                ("training", "checkpoint", "monitor"),
                f"{self.name!r} is not measured; there is {', '.join(sorted(logs))}",
            )
        value = logs[self.name]
        if not self._improves(value, state.best_value):
            return False
        state.best_epoch, state.best_value = epoch, value
        return True

    def best(self, state: TrainingProgress) -> BestEpoch | None:
        """Return the best epoch so far; None before there is one."""
        if state.best_value is None:
            return None
        return BestEpoch(state.best_epoch, self.name, state.best_value)

    def _improves(self, value: float, best: float | None) -> bool:
        if math.isnan(value):
            return False
        if best is None:
            return True
        return value < best if self._lower else value > best


EXPLODED = 1000
"""How many times the loss of the first step (at least 1) that of a later step may reach."""

# A loss is read this many steps late: by then a GPU has computed it, and does not have to wait.
_LATE = 8


class Diverged(Exception):
    """The training diverged; `str()` says how, and at which step of which epoch."""


class LossMonitor:
    """Looks at the loss of each step."""

    def __init__(self) -> None:
        self._unread: deque[tuple[int, Any]] = deque()
        self._before = np.zeros(2, np.float32)

    def begin(self, so_far: Any) -> None:
        """Take the loss of the epoch's steps before the next one: see `note`."""
        self._before = np.asarray(so_far)

    def note(self, state: TrainingProgress, so_far: Any) -> None:
        """Take the loss of the epoch after step `state.step`; look at that of an earlier step.

        so_far: the sum of the images' losses and their number, a tensor (2,). Raises Diverged.
        """
        self._unread.append((state.step, so_far))
        if len(self._unread) > _LATE:
            self._look(state)

    def settle(self, state: TrainingProgress, model: Any) -> None:
        """Look at all losses taken so far, and at the weights; raises Diverged."""
        while self._unread:
            self._look(state)
        if not all(np.isfinite(np.asarray(each)).all() for each in model.trainable_variables):
            raise Diverged(f"the weights are not finite in {_where(state, state.step)}")

    def forget(self) -> None:
        """Look at nothing taken so far: the training continues from somewhere else."""
        self._unread.clear()

    def _look(self, state: TrainingProgress) -> None:
        step, tensor = self._unread.popleft()
        so_far = np.asarray(tensor)
        total, images = so_far - self._before
        loss, self._before = float(total / images), so_far
        if state.first_loss is None:
            state.first_loss = loss
        where = _where(state, step)
        if not math.isfinite(loss):
            raise Diverged(f"the loss is {loss} in {where}")
        if loss > EXPLODED * max(1.0, state.first_loss):
            raise Diverged(
                f"the loss is {loss:.3g} in {where}, and was {state.first_loss:.3g} at first"
            )


def _where(state: TrainingProgress, step: int) -> str:
    return f"epoch {state.epoch + 1}, step {step}"
