"""Which epoch is the best one."""

from __future__ import annotations

import logging
import math

from imgrec.config.experiment import Experiment
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.observers import BestEpoch

log = logging.getLogger("imgrec")


def monitored(experiment: Experiment, *, validated: bool) -> tuple[str, bool]:
    """Return the value that tells the best epoch, and whether the lower one is the better.

    Without validation images it is that of the training images.
    """
    checkpoint = experiment.training.checkpoint
    name = checkpoint.monitor if validated else checkpoint.monitor.removeprefix("val_")
    told = experiment.training.measured.get(name)
    return name, (told if checkpoint.mode == "auto" else checkpoint.mode) == "min"


class Monitor:
    """Compares the monitored value of each epoch with the best one so far."""

    def __init__(self, experiment: Experiment, *, validated: bool) -> None:
        self._experiment = experiment
        self.name, self._lower = monitored(experiment, validated=validated)
        if self.name != experiment.training.checkpoint.monitor:
            log.info("no validation images: the best epoch is the one with the best %s", self.name)

    def update(self, state: TrainingProgress, epoch: int, logs: dict[str, float]) -> bool:
        """Return whether `epoch` (from 1) is the best so far, and note it in `state`.

        Raises ConfigError where the monitored value is none that the training measures.
        """
        if self.name not in logs:
            raise self._experiment.problem(
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
