"""Which epoch is the best one."""

from __future__ import annotations

import logging
import math

from imgrec.config.experiment import Experiment
from imgrec.training.checkpoint import TrainingProgress

log = logging.getLogger("imgrec")


class Monitor:
    """Compares the monitored value of each epoch with the best one so far."""

    def __init__(self, experiment: Experiment, *, validated: bool) -> None:
        checkpoint = experiment.training.checkpoint
        self._experiment = experiment
        self.name = checkpoint.monitor
        if not validated and self.name.startswith("val_"):
            self.name = self.name.removeprefix("val_")
            log.info("no validation images: the best epoch is the one with the best %s", self.name)
        told = experiment.training.measured.get(self.name)
        self._lower = (told if checkpoint.mode == "auto" else checkpoint.mode) == "min"

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

    def _improves(self, value: float, best: float | None) -> bool:
        if math.isnan(value):
            return False
        if best is None:
            return True
        return value < best if self._lower else value > best
