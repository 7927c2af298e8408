"""The observers that write a run: best.keras, last.keras, history.csv and the card."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from imgrec.runs.history import HISTORY_FILE, history_text
from imgrec.runs.writer import BEST_MODEL, LAST_MODEL, RunWriter
from imgrec.training.observers import (
    BestEpoch,
    CheckpointWritten,
    EpochEnd,
    TrainingBegin,
    TrainingEnd,
    TrainingObserver,
)
from imgrec.training.steps import Steps, averaged_weights


def run_recorders(
    writer: RunWriter, steps: Steps, build_model: Callable[[], Any]
) -> tuple[TrainingObserver, ...]:
    """Return the observers that write a run, in the order that keeps it usable at any moment.

    Model and history are written before the checkpoint of their epoch, the card is updated after
    it: a checkpoint is never ahead of what it refers to.

    build_model: returns the network as float32, whose weights do not matter.
    """
    return ModelRecorder(writer, steps, build_model()), HistoryRecorder(writer), CardUpdater(writer)


class ModelRecorder(TrainingObserver):
    """Writes best.keras after each epoch that is the best so far, and last.keras at the end.

    The model is written as float32, whatever the training's precision, with the averaged weights
    where the optimizer averages.
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
        """Bring the card of a resumed training back to where its checkpoint stands."""
        if event.epoch:
            self._update(event.epoch, event.best)

    def checkpoint(self, event: CheckpointWritten) -> None:
        """Update the card at the end of an epoch."""
        if event.epoch and not event.step:
            self._update(event.epoch, event.best)

    def _update(self, epoch: int, best: BestEpoch | None) -> None:
        self._writer.update(best=best_fields(best), epochs=epoch)


def best_fields(best: BestEpoch | None) -> Mapping[str, float | str]:
    """Return the best epoch as it is on the card."""
    return {} if best is None else dataclasses.asdict(best)
