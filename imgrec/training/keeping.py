"""What a training leaves in its run's folder, and when."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from imgrec.models.build import build
from imgrec.training.artifacts import write_history, write_model
from imgrec.training.averages import averaged
from imgrec.training.checkpoint import (
    TrainingProgress,
    load_epoch_end,
    save_checkpoint,
    save_frozen,
)
from imgrec.training.job import Job
from imgrec.training.steps import Steps


class Keeper:
    """Writes checkpoints, models and the history of one training."""

    def __init__(self, job: Job, steps: Steps) -> None:
        self._job = job
        self._steps = steps
        self._folder = job.folder / "state"
        self._settings = job.experiment.training.checkpoint
        self._twin = build(job.experiment, job.classes, weights=False, statistics=steps.statistics)
        self._written = time.monotonic()

    def due(self, state: TrainingProgress) -> bool:
        """Return whether a checkpoint within the epoch is to be written after this step."""
        interval = self._settings.interval
        if interval.unit == "steps":
            done = state.epoch * self._job.train.schedule.steps_per_epoch + state.step
            return done % interval.count == 0
        seconds = time.monotonic() - self._written
        return interval.unit == "seconds" and seconds >= interval.count

    def begin(self, state: TrainingProgress) -> None:
        """Write a checkpoint of the beginning, and, once, what is in none: the frozen weights."""
        if state.phase == 0 and self._steps.frozen:
            save_frozen(self._folder, self._steps.frozen)
        self.checkpoint(state)

    def checkpoint(self, state: TrainingProgress) -> None:
        """Write a checkpoint of where the training stands."""
        save_checkpoint(self._folder, self._steps.variables, state, self._settings.keep)
        self._written = time.monotonic()

    def go_back(self) -> TrainingProgress:
        """Bring the end of the last whole epoch back, and return its progress."""
        return load_epoch_end(self._folder, lambda _: self._steps.variables)

    def epoch(self, state: TrainingProgress, *, improved: bool) -> None:
        """Write the history after an epoch, and the model if it is the best one so far."""
        if improved:
            announce = self._job.before_best
            self._write("best.keras", announce and functools.partial(announce, state))
        write_history(self._job.folder / "history.csv", state.history)

    def end(self) -> None:
        """Write the model as it is when the training ends."""
        self._write("last.keras")

    def _write(self, name: str, announce: Callable[[str], None] | None = None) -> None:
        """Write the model as float32, whatever the training's precision.

        It has the averaged weights where the optimizer averages.
        """
        with averaged(self._steps.model):
            self._twin.set_weights(self._steps.model.get_weights())
        write_model(self._job.folder / name, self._twin, announce)
