"""What a training leaves in its run's folder, and when."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgrec.config.experiment import Experiment
from imgrec.models.network import build
from imgrec.runs.writer import BEST_MODEL, LAST_MODEL, RunWriter
from imgrec.training.checkpoint import (
    History,
    TrainingProgress,
    load_epoch_end,
    save_checkpoint,
    save_frozen,
)
from imgrec.training.monitor import Monitor
from imgrec.training.steps import Steps, averaged_weights
from imgrec.training.stream import TrainingImages


def read_history(path: Path) -> History:
    """Return what `history_text` gave. Raises OSError, ValueError where it can't be read."""
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    values = {name: [*map(float, each)] for name, each in zip(header, columns, strict=True)}
    del values["epoch"]
    return values


def history_text(history: History) -> str:
    """Return a line per epoch: its number, then every value measured."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["epoch", *history])
    rows.writerows(
        [epoch, *values] for epoch, values in enumerate(zip(*history.values(), strict=True), 1)
    )
    return text.getvalue()


@dataclass(frozen=True)
class TrainingJob:
    """One training.

    epochs: how many are done when it ends, those before it among them; validation: None where
    there is none; profile: tell after each epoch how long the device waited for images.
    """

    experiment: Experiment
    writer: RunWriter
    epochs: int
    train: TrainingImages
    validation: TrainingImages | None
    classes: int
    monitor: Monitor
    profile: bool = False


class RunSaver:
    """Writes checkpoints, models and the history of one training."""

    def __init__(self, job: TrainingJob, steps: Steps) -> None:
        self._job = job
        self._steps = steps
        self._folder = job.writer.checkpoints()
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
            self._write(BEST_MODEL, best=self._best(state))
        self._job.writer.write_text("history.csv", history_text(state.history))

    def card(self, state: TrainingProgress) -> None:
        """Write the card with the epochs that are done and the best of them."""
        self._job.writer.update(best=self._best(state), epochs=state.epoch)

    def end(self) -> None:
        """Write the model as it is when the training ends."""
        self._write(LAST_MODEL)

    def _best(self, state: TrainingProgress) -> Mapping[str, float | str]:
        if state.best_value is None:
            return {}
        monitor = self._job.monitor.name
        return {"epoch": state.best_epoch, "monitor": monitor, "value": state.best_value}

    def _write(self, name: str, **changes: Any) -> None:
        """Write the model as float32, whatever the training's precision.

        It has the averaged weights where the optimizer averages.
        """
        with averaged_weights(self._steps.model):
            self._twin.set_weights(self._steps.model.get_weights())
        self._job.writer.write_model(name, self._twin.save, **changes)
