"""The epoch loop: steps, validation, callbacks, and what each epoch leaves in the run."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgrec.config.experiment import Experiment
from imgrec.errors import RunError
from imgrec.models.build import build
from imgrec.progress import Progress
from imgrec.training.artifacts import write_history, write_model
from imgrec.training.augmentation import Augmenter
from imgrec.training.batch import Batch
from imgrec.training.callbacks import counters, make_callbacks, restore_counters
from imgrec.training.checkpoint import TrainingProgress, save_checkpoint
from imgrec.training.monitor import Monitor
from imgrec.training.steps import Steps
from imgrec.training.stream import Split, training_batches, validation_batches

log = logging.getLogger("imgrec")

_SECONDS_BETWEEN_METRICS = 0.2


@dataclass(frozen=True)
class Job:
    """One training.

    folder: the run's; validation: None where there is none; after_epoch: called when the
    files of an epoch are written; before_best: called with the SHA-256 of a new `best.keras`
    before it takes the place of the one before it.
    """

    experiment: Experiment
    folder: Path
    train: Split
    validation: Split | None
    classes: int
    monitor: Monitor
    after_epoch: Callable[[TrainingProgress], None]
    before_best: Callable[[str], None] | None = None


def fit(job: Job, steps: Steps, state: TrainingProgress, progress: Progress) -> None:
    """Train from where `state` stands to the experiment's last epoch, keeping `state` current.

    After each epoch the folder holds `last.keras`, `best.keras` (float32, whatever the
    training's precision), `history.csv` and a checkpoint. Raises RunError when the loss is no
    number any more.
    """
    experiment = job.experiment
    callbacks = make_callbacks(experiment, steps.model, job.folder)
    saved = build(experiment, job.classes, weights=False, statistics=steps.statistics)
    if state.epoch == 0:
        save_checkpoint(_state(job), steps.model, state, experiment.training.checkpoint.keep)
    callbacks.on_train_begin()
    restore_counters(callbacks, state.callbacks)
    with closing(_batches(job, state.epoch)) as batches:
        for epoch in _epochs_left(experiment, state):
            logs = _epoch(job, steps, callbacks, batches, epoch, progress)
            improved = job.monitor.update(state, epoch + 1, logs)
            _record(state, logs, epoch + 1)
            state.callbacks = counters(callbacks)
            state.stopped = bool(steps.model.stop_training)
            saved.set_weights(steps.model.get_weights())
            _keep(job, steps, state, saved, improved=improved)
            job.after_epoch(state)
            log.info(_line(job, state, logs, improved=improved))
            if state.stopped:
                best = f"best.keras is of epoch {state.best_epoch}"
                log.info(
                    "stopped early after epoch %d, as training.callbacks says; %s", epoch + 1, best
                )
                break
    callbacks.on_train_end()


def _epochs_left(experiment: Experiment, state: TrainingProgress) -> range:
    return range(state.epoch, state.epoch if state.stopped else experiment.training.epochs)


def _batches(job: Job, first_epoch: int) -> Generator[Batch]:
    experiment = job.experiment
    augmentation = experiment.augmentation
    return training_batches(
        job.train,
        seed=experiment.seed,
        first_epoch=first_epoch,
        epochs=experiment.training.epochs,
        augmenter=Augmenter(augmentation, experiment.seed) if augmentation else None,
    )


def _epoch(
    job: Job, steps: Steps, callbacks: Any, batches: Iterator[Batch], epoch: int, progress: Progress
) -> dict[str, float]:
    started = time.monotonic()
    callbacks.on_epoch_begin(epoch)
    logs = _train(job, steps, callbacks, batches, epoch, progress)
    speed = job.train.schedule.images_per_epoch / (time.monotonic() - started)
    if not math.isfinite(logs["loss"]):
        raise RunError(
            f"the loss is {logs['loss']} in epoch {epoch + 1}",
            hint="lower the learning rate, or look for images or targets out of range",
        )
    if job.validation is not None:
        logs |= _validate(steps, callbacks, job.validation, progress)
    logs["learning_rate"] = steps.learning_rate
    callbacks.on_epoch_end(epoch, logs)
    return logs | {"seconds": time.monotonic() - started, "images_per_second": speed}


def _train(
    job: Job, steps: Steps, callbacks: Any, batches: Iterator[Batch], epoch: int, progress: Progress
) -> dict[str, float]:
    steps.reset()
    schedule, epochs = job.train.schedule, job.experiment.training.epochs
    measured, metrics = -math.inf, ""
    with progress.task(f"epoch {epoch + 1}/{epochs}", schedule.images_per_epoch) as task:
        for step, batch in enumerate(itertools.islice(batches, schedule.steps_per_epoch)):
            callbacks.on_train_batch_begin(step)
            steps.train(batch)
            callbacks.on_train_batch_end(step)
            if time.monotonic() - measured > _SECONDS_BETWEEN_METRICS:
                metrics, measured = _metrics(steps.logs(), digits=3), time.monotonic()
            note = f"step {step + 1}/{schedule.steps_per_epoch}  {metrics}"
            task.advance(len(batch.images), note)
    return steps.logs()


def _validate(steps: Steps, callbacks: Any, split: Split, progress: Progress) -> dict[str, float]:
    steps.reset()
    callbacks.on_test_begin()
    images = min(split.schedule.images_per_epoch, len(split.rows))
    with progress.task("validation", images) as task:
        for batch in validation_batches(split):
            steps.test(batch)
            task.advance(len(batch.images))
    logs = {f"val_{name}": value for name, value in steps.logs().items()}
    callbacks.on_test_end(logs)
    return logs


def _record(state: TrainingProgress, logs: dict[str, float], epoch: int) -> None:
    state.epoch = epoch
    for name, value in logs.items():
        state.history.setdefault(name, []).append(value)


def _keep(job: Job, steps: Steps, state: TrainingProgress, saved: Any, *, improved: bool) -> None:
    if improved:
        write_model(job.folder / "best.keras", saved, job.before_best)
    write_model(job.folder / "last.keras", saved)
    write_history(job.folder / "history.csv", state.history)
    save_checkpoint(_state(job), steps.model, state, job.experiment.training.checkpoint.keep)


def _state(job: Job) -> Path:
    return job.folder / "state"


def _line(job: Job, state: TrainingProgress, logs: dict[str, float], *, improved: bool) -> str:
    epochs = job.experiment.training.epochs
    measured = {
        name: value
        for name, value in logs.items()
        if name not in ("seconds", "images_per_second", "learning_rate")
    }
    to_do = epochs - state.epoch
    left = f", {_duration(to_do * logs['seconds'])} left" if to_do else ""
    speed = f"{logs['images_per_second']:.0f} images/s"
    best = "  best so far" if improved else ""
    return f"epoch {state.epoch}/{epochs}  {_metrics(measured)}  {speed}{left}{best}"


def _metrics(logs: dict[str, float], digits: int = 4) -> str:
    return "  ".join(f"{name} {value:.{digits}f}" for name, value in logs.items())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
