"""The events of a training, and its observers, which are notified of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class BestEpoch:
    """The best epoch so far, counted from 1, and its value of what the training monitors."""

    epoch: int
    monitor: str
    value: float


@dataclass(frozen=True)
class TrainingBegin:
    """A training begins or is resumed; nothing has been trained in this process yet.

    Attributes:
        run: The run's folder; None for a training that writes no run.
        epoch: How many epochs are finished: 0 if the training is new.
        step: How many steps of the next epoch are finished.
        steps_per_epoch: How many steps an epoch has.
        best: The best epoch so far; None before there is one.
    """

    run: Path | None
    epoch: int
    step: int
    steps_per_epoch: int
    best: BestEpoch | None


@dataclass(frozen=True)
class StepEnd:
    """A batch was passed to the device, which may still be computing it.

    Attributes:
        epoch: The epoch under way, from 1.
        step: The step of this epoch, from 1.
        images: How many images the batch has.
        waited: Seconds until the batch was read and augmented.
        seconds: Seconds that the step took, `waited` included.
    """

    epoch: int
    step: int
    images: int
    waited: float
    seconds: float


@dataclass(frozen=True)
class EpochEnd:
    """An epoch was trained and validated; its checkpoint is written next.

    Where the process is killed between the two, the epoch is trained and reported again after the
    training is resumed.

    Attributes:
        epoch: The epoch, from 1.
        epochs: The last epoch of this part of the training: `training.epochs`, or in fine-tuning
            its last one.
        logs: What was measured: `loss`, the metrics, the same of the validation images with the
            prefix `val_`, `learning_rate`, `seconds` and `images_per_second`.
        history: The logs of all epochs so far, those of earlier processes included.
        improved: Whether this is the best epoch so far.
        best: The best epoch so far; None if the monitored value never was a number.
        stopped: Whether a callback such as EarlyStopping ends this part of the training here.
    """

    epoch: int
    epochs: int
    logs: Mapping[str, float]
    history: Mapping[str, Sequence[float]]
    improved: bool
    best: BestEpoch | None
    stopped: bool


@dataclass(frozen=True)
class CheckpointWritten:
    """A checkpoint was written, from which the training can be resumed.

    Attributes:
        epoch: How many epochs are finished.
        step: How many steps of the next epoch are finished; 0 at the end of an epoch.
        best: The best epoch so far; None before there is one.
    """

    epoch: int
    step: int
    best: BestEpoch | None


@dataclass(frozen=True)
class TrainingEnd:
    """The training ended in this process.

    Attributes:
        outcome: `finished`; `interrupted` by Ctrl-C or SIGTERM, after a checkpoint; or `failed`
            with an error, which is raised next.
        epoch: How many epochs are finished.
        best: The best epoch; None if there is none.
    """

    outcome: Literal["finished", "interrupted", "failed"]
    epoch: int
    best: BestEpoch | None


class StopTraining(Exception):
    """What an observer raises to end a training that is not worth finishing."""


class TrainingObserver:
    """Notified of the events of a training; each method does nothing unless overridden.

    Subclass it and override what you need. Methods are called in the training's own thread, so
    a slow one slows the training down, and an exception ends it; its checkpoints stay.

    Example:
        >>> class Losses(TrainingObserver):
        ...     def __init__(self) -> None:
        ...         self.seen: list[float] = []
        ...
        ...     def epoch(self, event: EpochEnd) -> None:
        ...         self.seen.append(event.logs["loss"])
        >>> losses = Losses()
        >>> imgrec.train("small_cnn", observers=[losses])  # doctest: +SKIP
    """

    def begin(self, event: TrainingBegin) -> None:
        """Be notified once, before the first step."""

    def step(self, event: StepEnd) -> None:
        """Be notified after each step."""

    def epoch(self, event: EpochEnd) -> None:
        """Be notified after each epoch and its validation."""

    def checkpoint(self, event: CheckpointWritten) -> None:
        """Be notified after each checkpoint, within an epoch or at its end."""

    def end(self, event: TrainingEnd) -> None:
        """Be notified once, however the training ends."""


class ObserverList(TrainingObserver):
    """Passes each event on to several observers, in their order."""

    def __init__(self, observers: Sequence[TrainingObserver]) -> None:
        self._observers = tuple(observers)

    def begin(self, event: TrainingBegin) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.begin(event)

    def step(self, event: StepEnd) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.step(event)

    def epoch(self, event: EpochEnd) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.epoch(event)

    def checkpoint(self, event: CheckpointWritten) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.checkpoint(event)

    def end(self, event: TrainingEnd) -> None:
        """Pass it on."""
        for observer in self._observers:
            observer.end(event)
