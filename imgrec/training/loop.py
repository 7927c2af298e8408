"""The epoch loop: steps, validation, callbacks, and where it may be stopped and go on."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing

from imgrec.errors import RunError
from imgrec.progress import Progress, rate
from imgrec.training.augmentation import augmenter_of
from imgrec.training.batch import Batch
from imgrec.training.callbacks import counters, make_callbacks, restore_counters, watch_steps
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.input_bound import InputWait
from imgrec.training.interrupt import Interrupted, Signals, deferred_signals
from imgrec.training.loss_monitor import Diverged, LossWatch
from imgrec.training.run_saver import RunSaver, TrainingJob
from imgrec.training.steps import Steps, averaged_weights, explain_out_of_memory
from imgrec.training.stream import TrainingImages, training_batches, validation_batches

_NOT_MEASURED = ("seconds", "images_per_second", "learning_rate")


def epoch_line(epoch: int, epochs: int, logs: dict[str, float], *, improved: bool) -> str:
    """Return the line of a finished epoch (from 1): what was measured, how fast, what is left."""
    measured = {name: value for name, value in logs.items() if name not in _NOT_MEASURED}
    to_do = epochs - epoch
    left = f", {duration(to_do * logs['seconds'])} left" if to_do else ""
    speed = f"{rate(logs['images_per_second'])} images/s"
    best = "  best so far" if improved else ""
    return f"epoch {epoch}/{epochs}  {metrics_text(measured)}  {speed}{left}{best}"


def metrics_text(logs: dict[str, float], digits: int = 4) -> str:
    """Return each name with its value."""
    return "  ".join(f"{name} {value:.{digits}f}" for name, value in logs.items())


def duration(seconds: float) -> str:
    """Return a time in the two units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


__all__ = ["TrainingJob", "fit"]

log = logging.getLogger("imgrec")

RESTORES = 5
"""How often `on_nan: restore` goes back in one training before it gives up."""

_SECONDS_BETWEEN_METRICS = 0.2


def fit(job: TrainingJob, steps: Steps, state: TrainingProgress, progress: Progress) -> None:
    """Train from where `state` stands to the job's last epoch, keeping `state` current.

    After each epoch the folder holds `best.keras`, `history.csv` and a checkpoint; more checkpoints
    come as `training.checkpoint.every` says. At the end it holds `last.keras` too. Ctrl-C and
    SIGTERM do what they do once the step under way is done and a checkpoint of it is written.
    Raises RunError when the loss is no number any more, or explodes, or the memory is too small.
    """
    with explain_out_of_memory(job.experiment), deferred_signals() as signals:
        _Training(job, steps, state, progress, signals).run()


class _Training:
    def __init__(
        self,
        job: TrainingJob,
        steps: Steps,
        state: TrainingProgress,
        progress: Progress,
        signals: Signals,
    ) -> None:
        self._job = job
        self._steps = steps
        self._state = state
        self._progress = progress
        self._signals = signals
        self._settings = job.experiment.training
        self._callbacks = make_callbacks(job.experiment, steps.model, job.writer.folder, job.epochs)
        self._told = watch_steps(job.experiment)
        self._keeper = RunSaver(job, steps)
        self._watch = LossWatch()
        self._began = 0.0

    def run(self) -> None:
        state = self._state
        self._callbacks.on_train_begin()
        self._restore_counters()
        if state.epoch:
            self._keeper.card(state)
        if state.epoch == state.phase_start and not state.step:
            self._keeper.begin(state)
        try:
            while not self._trained():
                pass
        except Interrupted:
            with contextlib.suppress(Diverged):
                self._checkpoint()
        else:
            self._keeper.end()
            self._keeper.card(state)
        self._callbacks.on_train_end()

    def _restore_counters(self) -> None:
        state, schedule = self._state, self._job.train.schedule
        steps = state.epoch * schedule.steps_per_epoch + state.step
        restore_counters(self._callbacks, state.callbacks, steps)

    def _trained(self) -> bool:
        """Train to the end; return False where that went astray and is to be tried again."""
        try:
            with closing(self._batches()) as batches:
                self._epochs(batches)
        except Diverged as error:
            self._go_back(error)
            return False
        return True

    def _batches(self) -> Generator[Batch]:
        experiment = self._job.experiment
        return training_batches(
            self._job.train,
            seed=experiment.seed,
            start=(self._state.epoch, self._state.step),
            epochs=self._job.epochs,
            augmenter=augmenter_of(experiment),
        )

    def _epochs(self, batches: Iterator[Batch]) -> None:
        state = self._state
        while not state.stopped and state.epoch < self._job.epochs:
            logs = self._epoch(batches)
            improved = self._job.monitor.update(state, state.epoch + 1, logs)
            self._record(logs)
            self._keeper.epoch(state, improved=improved)
            self._checkpoint()
            self._keeper.card(state)
            log.info(epoch_line(state.epoch, self._job.epochs, logs, improved=improved))
            if state.stopped:
                log.info(
                    "stopped early after epoch %d, as training.callbacks says; "
                    "best.keras is of epoch %d",
                    state.epoch,
                    state.best_epoch,
                )

    def _epoch(self, batches: Iterator[Batch]) -> dict[str, float]:
        state, job = self._state, self._job
        self._began = time.monotonic() - state.seconds
        self._callbacks.on_epoch_begin(state.epoch)
        if not state.logs:
            self._train(batches)
            state.logs = self._steps.logs()
        speed = job.train.schedule.images_per_epoch / (time.monotonic() - self._began)
        logs = dict(state.logs)
        if job.validation is not None:
            logs |= self._validate(job.validation)
        logs["learning_rate"] = self._steps.learning_rate
        self._callbacks.on_epoch_end(state.epoch, logs)
        return logs | {"seconds": time.monotonic() - self._began, "images_per_second": speed}

    def _train(self, batches: Iterator[Batch]) -> None:
        state, schedule = self._state, self._job.train.schedule
        if not state.step:
            self._steps.reset()
        self._watch.begin(self._steps.loss_so_far())
        title = f"epoch {state.epoch + 1}/{self._job.epochs}"
        measured, shown = -math.inf, ""
        steps = max(0, schedule.steps_per_epoch - state.step)
        with self._progress.task(title, schedule.images_per_epoch) as task:
            task.advance(state.step * schedule.batch_size)
            for batch in self._timed(itertools.islice(batches, steps)):
                self._step(batch)
                if time.monotonic() - measured > _SECONDS_BETWEEN_METRICS:
                    shown, measured = metrics_text(self._steps.logs(), digits=3), time.monotonic()
                note = f"step {state.step}/{schedule.steps_per_epoch}  {shown}"
                task.advance(len(batch.images), note)
        self._watch.settle(state, self._steps.model)

    def _timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the batches, and say in the end how long they were waited for, if it is asked."""
        if not self._job.profile:
            yield from batches
            return
        waiting = InputWait()
        yield from waiting.over(batches, self._steps.finish)
        device = self._steps.device.upper()
        log.info("the %s waited for images for %.1f %% of the epoch", device, 100 * waiting.share)

    def _step(self, batch: Batch) -> None:
        state = self._state
        self._signals.check()
        self._callbacks.on_train_batch_begin(state.step)
        self._steps.train(batch)
        self._callbacks.on_train_batch_end(state.step, self._steps.logs() if self._told else None)
        state.step += 1
        self._watch.note(state, self._steps.loss_so_far())
        if self._keeper.due(state):
            self._checkpoint()

    def _validate(self, split: TrainingImages) -> dict[str, float]:
        self._steps.reset()
        self._callbacks.on_test_begin()
        images = min(split.schedule.images_per_epoch, len(split.targets))
        with averaged_weights(self._steps.model), self._progress.task("validation", images) as task:
            for batch in validation_batches(split):
                self._signals.check()
                self._steps.test(batch)
                task.advance(len(batch.images))
        logs = {f"val_{name}": value for name, value in self._steps.logs().items()}
        self._callbacks.on_test_end(logs)
        return logs

    def _record(self, logs: dict[str, float]) -> None:
        state = self._state
        for name in state.history | logs:
            # A run that goes on with drift may measure what it did not before, or no more.
            column = state.history.setdefault(name, [math.nan] * state.epoch)
            column.append(logs.get(name, math.nan))
        state.stopped = bool(self._steps.model.stop_training)
        state.epoch, state.step, state.logs, state.seconds = state.epoch + 1, 0, {}, 0.0
        self._began = time.monotonic()

    def _checkpoint(self) -> None:
        """Write where the training stands; raises Diverged in place of keeping what went astray."""
        state = self._state
        self._watch.settle(state, self._steps.model)
        state.callbacks = counters(self._callbacks)
        if state.step:
            state.seconds = time.monotonic() - self._began
        self._keeper.checkpoint(state)

    def _go_back(self, error: Diverged) -> None:
        """Begin the epoch again with half the learning rate, if the config says so and it helps."""
        restores = self._state.restores + 1
        if self._settings.on_nan == "stop" or restores > RESTORES:
            raise self._stopped(error) from error
        vars(self._state).update(vars(self._keeper.go_back()))
        self._state.restores = restores
        self._restore_counters()
        self._steps.learning_rate /= 2
        self._watch.forget()
        self._checkpoint()
        log.warning(
            "%s; the epoch begins again with half the learning rate, %.3g",
            error,
            self._steps.learning_rate,
        )

    def _stopped(self, error: Diverged) -> RunError:
        best, again = self._state.best_epoch, ""
        if self._state.restores:
            again = f", after {self._state.restores} times with half the learning rate"
        kept = f"; best.keras is of epoch {best}" if best else ""
        return RunError(
            f"{error}{again}{kept}",
            hint="lower the learning rate, or look for images or targets out of range; "
            "training.on_nan: restore halves it by itself",
        )
