"""The epoch loop: steps, validation, callbacks, checkpoints, and interruptions."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import logging
import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from imgrec.config.training import Training
from imgrec.errors import RunError
from imgrec.progress import Progress
from imgrec.training.batch import Batch
from imgrec.training.callbacks import counters, make_callbacks, restore_counters
from imgrec.training.checkpoint import Checkpoints, TrainingProgress
from imgrec.training.features import InputSettings, with_features
from imgrec.training.interrupt import Interrupted, Signals, deferred_signals
from imgrec.training.monitor import Diverged, LossMonitor, Monitor, callbacks_of
from imgrec.training.observers import (
    CheckpointWritten,
    EpochEnd,
    ObserverList,
    StepEnd,
    TrainingBegin,
    TrainingEnd,
    TrainingObserver,
)
from imgrec.training.phases import phases
from imgrec.training.recorders import metrics_text
from imgrec.training.steps import Steps, averaged_weights
from imgrec.training.stream import TrainingImages, training_batches, validation_batches

log = logging.getLogger("imgrec")

RESTORES = 5
"""How often `on_nan: restore` goes back in one training before it gives up."""

_SECONDS_BETWEEN_METRICS = 0.2


@dataclass(frozen=True)
class TrainingJob:
    """What is trained on what.

    training: the section of a config. inputs: what is done to the images. validation: None if
    there is none. folder: the run's; None for a training that writes no run.
    """

    training: Training
    inputs: InputSettings
    train: TrainingImages
    validation: TrainingImages | None
    monitor: Monitor
    folder: Path | None = None


def fit(
    job: TrainingJob,
    steps: Steps,
    state: TrainingProgress,
    progress: Progress,
    *,
    observers: Sequence[TrainingObserver] = (),
    checkpoints: Checkpoints | None = None,
) -> None:
    """Train from where `state` stands to the last epoch, keeping `state` current.

    Ctrl-C and SIGTERM take effect once the step under way is done and a checkpoint of it is
    written.

    Args:
        job: What is trained on what.
        steps: The model and its steps, in the phase of `state`.
        state: Where the training stands.
        progress: Shows the steps of each epoch.
        observers: Notified of what happens, in this order. The files of a run, except its
            checkpoints, are written by observers too.
        checkpoints: Where checkpoints go; without them a training can't be resumed, and
            `on_nan: restore` acts as `stop`.

    Raises:
        RunError: The loss is not finite any more, or explodes.
    """
    observer, best = ObserverList(observers), job.monitor.best
    outcome: Literal["finished", "interrupted", "failed"] = "failed"
    per_epoch = job.train.schedule.steps_per_epoch
    with deferred_signals() as signals:
        observer.begin(TrainingBegin(job.folder, state.epoch, state.step, per_epoch, best(state)))
        try:
            for epochs in phases(job.training, steps, state):
                images = job.train, job.validation
                train, validation = with_features(
                    job.inputs, steps, images, epochs, progress, signals
                )
                part = dataclasses.replace(job, train=train, validation=validation)
                _Phase(
                    part, steps, state, progress, signals, observer, checkpoints, epochs.stop
                ).run()
            outcome = "finished"
        except Interrupted:
            outcome = "interrupted"
            raise
        finally:
            observer.end(TrainingEnd(outcome, state.epoch, best(state)))


@dataclass
class _Phase:
    """A part of a training, with its own callbacks: the only one, or a head's, or fine-tuning.

    epochs: how many are done when it ends, those before it included.
    """

    job: TrainingJob
    steps: Steps
    state: TrainingProgress
    progress: Progress
    signals: Signals
    observer: TrainingObserver
    checkpoints: Checkpoints | None
    epochs: int
    began: float = field(default=0.0, init=False)
    callbacks: Any = field(init=False)
    watch: LossMonitor = field(default_factory=LossMonitor, init=False)

    def __post_init__(self) -> None:
        validated = self.job.validation is not None
        settings = callbacks_of(self.job.training, validated=validated)
        self.callbacks = make_callbacks(settings, self.steps.model, self.epochs)

    def run(self) -> None:
        state = self.state
        self.callbacks.on_train_begin()
        restore_counters(self.callbacks, state.callbacks)
        if state.epoch == state.phase_start and not state.step:
            self._save(state)
        try:
            while not self._trained():
                pass
        except Interrupted:
            with contextlib.suppress(Diverged):
                self._checkpoint()
            self.callbacks.on_train_end()
            raise
        self.callbacks.on_train_end()

    def _trained(self) -> bool:
        """Train to the end; return False if the training diverged and has to be tried again."""
        try:
            with closing(self._batches()) as batches:
                self._epochs(batches)
        except Diverged as error:
            self._go_back(error)
            return False
        return True

    def _batches(self) -> Generator[Batch]:
        inputs = self.job.inputs
        return training_batches(
            self.job.train,
            seed=inputs.seed,
            start=(self.state.epoch, self.state.step),
            epochs=self.epochs,
            augmenter=inputs.augmenter,
        )

    def _epochs(self, batches: Iterator[Batch]) -> None:
        state, monitor = self.state, self.job.monitor
        while not state.stopped and state.epoch < self.epochs:
            logs = self._epoch(batches)
            improved = monitor.update(state, state.epoch + 1, logs)
            self._record(logs)
            self.observer.epoch(
                EpochEnd(
                    epoch=state.epoch,
                    epochs=self.epochs,
                    logs=logs,
                    history=state.history,
                    improved=improved,
                    best=monitor.best(state),
                    stopped=state.stopped,
                )
            )
            self._checkpoint()

    def _epoch(self, batches: Iterator[Batch]) -> dict[str, float]:
        state, job = self.state, self.job
        self.began = time.monotonic() - state.seconds
        self.callbacks.on_epoch_begin(state.epoch)
        if not state.logs:
            self._train(batches)
            state.logs = self.steps.logs()
        speed = job.train.schedule.images_per_epoch / (time.monotonic() - self.began)
        logs = dict(state.logs)
        if job.validation is not None:
            logs |= self._validate(job.validation)
        logs["learning_rate"] = self.steps.learning_rate
        self.callbacks.on_epoch_end(state.epoch, logs)
        return logs | {"seconds": time.monotonic() - self.began, "images_per_second": speed}

    def _train(self, batches: Iterator[Batch]) -> None:
        state, schedule = self.state, self.job.train.schedule
        if not state.step:
            self.steps.reset()
        self.watch.begin(self.steps.loss_so_far())
        title = f"epoch {state.epoch + 1}/{self.epochs}"
        measured, shown = -math.inf, ""
        steps = max(0, schedule.steps_per_epoch - state.step)
        with self.progress.task(title, schedule.images_per_epoch) as task:
            task.advance(state.step * schedule.batch_size)
            asked = time.monotonic()
            for batch in itertools.islice(batches, steps):
                self._step(batch, asked)
                if time.monotonic() - measured > _SECONDS_BETWEEN_METRICS:
                    shown, measured = metrics_text(self.steps.logs(), digits=3), time.monotonic()
                note = f"step {state.step}/{schedule.steps_per_epoch}  {shown}"
                task.advance(len(batch.images), note)
                asked = time.monotonic()
        self.watch.settle(state, self.steps.model)

    def _step(self, batch: Batch, asked: float) -> None:
        """Take a step with a batch; asked: when it was asked for."""
        state, waited = self.state, time.monotonic() - asked
        self.signals.check()
        self.steps.train(batch)
        state.step += 1
        self.watch.note(state, self.steps.loss_so_far())
        if self.checkpoints and self.checkpoints.due(
            state, self.job.train.schedule.steps_per_epoch
        ):
            self._checkpoint()
        seconds = time.monotonic() - asked
        self.observer.step(StepEnd(state.epoch + 1, state.step, len(batch.images), waited, seconds))

    def _validate(self, split: TrainingImages) -> dict[str, float]:
        self.steps.reset()
        images = len(split.targets)
        with averaged_weights(self.steps.model), self.progress.task("validation", images) as task:
            for batch in validation_batches(split):
                self.signals.check()
                self.steps.test(batch)
                task.advance(len(batch.images))
        return {f"val_{name}": value for name, value in self.steps.logs().items()}

    def _record(self, logs: dict[str, float]) -> None:
        state = self.state
        for name in state.history | logs:
            # A run that is resumed with changes may measure what it did not before, or less.
            column = state.history.setdefault(name, [math.nan] * state.epoch)
            column.append(logs.get(name, math.nan))
        state.stopped = bool(self.steps.model.stop_training)
        state.epoch, state.step, state.logs, state.seconds = state.epoch + 1, 0, {}, 0.0
        self.began = time.monotonic()

    def _checkpoint(self) -> None:
        """Write a checkpoint; raises Diverged instead if the training diverged."""
        state = self.state
        self.watch.settle(state, self.steps.model)
        state.callbacks = counters(self.callbacks)
        if state.step:
            state.seconds = time.monotonic() - self.began
        self._save(state)

    def _save(self, state: TrainingProgress) -> None:
        if self.checkpoints is not None:
            self.checkpoints.save(state)
            best = self.job.monitor.best(state)
            self.observer.checkpoint(CheckpointWritten(state.epoch, state.step, best))

    def _go_back(self, error: Diverged) -> None:
        """Go back to the last checkpoint with half the learning rate, or raise RunError."""
        restores, settings = self.state.restores + 1, self.job.training
        if settings.on_nan == "stop" or restores > RESTORES or self.checkpoints is None:
            raise self._stopped(error) from error
        vars(self.state).update(vars(self.checkpoints.go_back()))
        self.state.restores = restores
        restore_counters(self.callbacks, self.state.callbacks)
        self.steps.learning_rate /= 2
        self.watch.forget()
        self._checkpoint()
        log.warning(
            "%s; the epoch begins again with half the learning rate, %.3g",
            error,
            self.steps.learning_rate,
        )

    def _stopped(self, error: Diverged) -> RunError:
        best, again = self.state.best_epoch, ""
        if self.state.restores:
            again = f", after {self.state.restores} times with half the learning rate"
        kept = f"; best.keras is of epoch {best}" if best else ""
        return RunError(
            f"{error}{again}{kept}",
            hint="lower the learning rate, or look for images or targets out of range; "
            "training.on_nan: restore halves it automatically",
        )
