"""Observers that record a training: its files, a line for each epoch, the wait for images."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from imgrec.progress import rate
from imgrec.rounding import decimals, duration, percent
from imgrec.runs.card import BEST_MODEL, LAST_MODEL
from imgrec.runs.history import HISTORY_FILE, history_text
from imgrec.runs.writer import RunWriter
from imgrec.training.observers import (
    BestEpoch,
    CheckpointWritten,
    EpochEnd,
    StepEnd,
    TrainingBegin,
    TrainingEnd,
    TrainingObserver,
)
from imgrec.training.steps import Steps, averaged_weights

log = logging.getLogger("imgrec")

_NOT_MEASURED = ("seconds", "images_per_second", "learning_rate")


def run_recorders(
    writer: RunWriter, steps: Steps, build_model: Callable[[], Any]
) -> tuple[TrainingObserver, ...]:
    """Return the observers that write a run, in the order that keeps it usable at any moment.

    Model and history are written before the checkpoint of their epoch, the card is updated after
    it: a checkpoint never refers to files that are not there yet.

    build_model: returns the network as float32, whose weights do not matter.
    """
    return ModelRecorder(writer, steps, build_model()), HistoryRecorder(writer), CardUpdater(writer)


class ModelRecorder(TrainingObserver):
    """Writes best.keras after each epoch that is the best so far, and last.keras at the end.

    The model is written as float32, whatever the training's precision, with averaged weights if
    the optimizer averages.
    """

    def __init__(self, writer: RunWriter, steps: Steps, twin: Any) -> None:
        self._writer, self._steps, self._twin = writer, steps, twin

    def epoch(self, event: EpochEnd) -> None:
        """Write best.keras."""
        if event.improved:
            self._write(BEST_MODEL, best=best_fields(event.best))

    def end(self, event: TrainingEnd) -> None:
        """Write last.keras, if the training is finished."""
        if event.outcome == "finished":
            self._write(LAST_MODEL)

    def _write(self, name: str, **changes: Any) -> None:
        with averaged_weights(self._steps.model):
            self._twin.set_weights(self._steps.model.get_weights())
        self._writer.write_model(name, self._twin.save, **changes)


class HistoryRecorder(TrainingObserver):
    """Writes history.csv after each epoch."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer

    def epoch(self, event: EpochEnd) -> None:
        """Write all epochs."""
        self._writer.write_text(HISTORY_FILE, history_text(event.history))


class CardUpdater(TrainingObserver):
    """Notes on the card how many epochs are done, and which is the best."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer

    def begin(self, event: TrainingBegin) -> None:
        """Reset the card of a resumed training to its checkpoint."""
        if event.epoch:
            self._update(event.epoch, event.best)

    def checkpoint(self, event: CheckpointWritten) -> None:
        """Update the card at the end of an epoch."""
        if event.epoch and not event.step:
            self._update(event.epoch, event.best)

    def _update(self, epoch: int, best: BestEpoch | None) -> None:
        self._writer.update(best=best_fields(best), epochs=epoch)


def best_fields(best: BestEpoch | None) -> Mapping[str, float | str]:
    """Return the best epoch in the form of the card."""
    return {} if best is None else dataclasses.asdict(best)


class EpochLog(TrainingObserver):
    """Logs a line after each epoch: what was measured, how fast, and how long the rest takes."""

    def epoch(self, event: EpochEnd) -> None:
        """Log the epoch, and whether the training stops early with it."""
        log.info(epoch_line(event.epoch, event.epochs, event.logs, improved=event.improved))
        if event.stopped:
            log.info(
                "stopped early after epoch %d, as training.callbacks says; "
                "best.keras is of epoch %d",
                event.epoch,
                event.best.epoch if event.best else 0,
            )


def epoch_line(epoch: int, epochs: int, logs: Mapping[str, float], *, improved: bool) -> str:
    """Return the line of a finished epoch (from 1): what was measured, how fast, what is left."""
    measured = {name: value for name, value in logs.items() if name not in _NOT_MEASURED}
    to_do = epochs - epoch
    left = f", {duration(to_do * logs['seconds'])} left" if to_do else ""
    speed = f"{rate(logs['images_per_second'])} images/s"
    best = "  best so far" if improved else ""
    return f"epoch {epoch}/{epochs}  {metrics_text(measured)}  {speed}{left}{best}"


def metrics_text(logs: Mapping[str, float], digits: int = 4) -> str:
    """Return each name with its value."""
    return "  ".join(f"{name} {decimals(value, digits)}" for name, value in logs.items())


class InputWait(TrainingObserver):
    """Measures the fraction of an epoch's training in which the device had no batch.

    The wait lasts from the end of a step until the next batch is read and augmented. Copying the
    batch to the device, callbacks and checkpoints count as work, so the fraction is what a faster
    input could save, not all of the time that a GPU is idle.

    Args:
        device: What it is called in the log: `cpu` or `gpu`.
        finish: Returns when the device is done with the last step. It is called after each step,
            so that later waits are waits of the device.
    """

    def __init__(self, device: str, finish: Callable[[], object]) -> None:
        self._device, self._finish = device.upper(), finish
        self._waited = self._whole = 0.0

    @property
    def share(self) -> float:
        """From 0 to 1, of the epoch's steps so far; 0 where there were none."""
        return self._waited / self._whole if self._whole else 0.0

    def step(self, event: StepEnd) -> None:
        """Add the step, and the time until the device is done with it."""
        if event.step == 1:
            self._waited = self._whole = 0.0
        began = time.monotonic()
        self._finish()
        self._waited += event.waited
        self._whole += event.seconds + time.monotonic() - began

    def epoch(self, event: EpochEnd) -> None:
        """Log the fraction of the epoch."""
        if self._whole:
            log.info(
                "the %s waited for images for %s of the epoch", self._device, percent(self.share)
            )
        self._waited = self._whole = 0.0
