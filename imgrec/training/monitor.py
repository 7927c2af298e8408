"""Which epoch is the best one."""

from __future__ import annotations

import logging
import math

from imgrec.config.keras.metrics import Direction
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


class Monitor:
    """Compares the monitored value of each epoch with the best one so far."""

    def __init__(self, training: Training, *, validated: bool) -> None:
        self.name, self._lower = monitored(training, validated=validated)
        if self.name != training.checkpoint.monitor:
            log.info("no validation images: the best epoch is the one with the best %s", self.name)

    def update(self, state: TrainingProgress, epoch: int, logs: dict[str, float]) -> bool:
        """Return whether `epoch` (from 1) is the best so far, and note it in `state`.

        Raises SettingError where the training does not measure the monitored value.
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
