"""Observers are notified of everything, and a training writes nothing without them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.models.backend import make_reproducible, start
from imgrec.progress import Silent
from imgrec.training.checkpoint import Checkpoints, TrainingProgress
from imgrec.training.loop import TrainingJob, fit
from imgrec.training.monitor import Monitor
from imgrec.training.observers import (
    CheckpointWritten,
    EpochEnd,
    StepEnd,
    TrainingBegin,
    TrainingEnd,
    TrainingObserver,
)
from imgrec.workflows.experiment_sections import build_steps, input_settings
from imgrec.workflows.prepare import prepare, training_split, validation_split
from tests.conftest import FEW_STEPS, TINY


class Noting(TrainingObserver):
    """Keeps every event; raises an error at the end of an epoch, if it is to."""

    def __init__(self, *, fail: bool = False) -> None:
        self.events: list[object] = []
        self._fail = fail

    def begin(self, event: TrainingBegin) -> None:
        """Note it."""
        self.events.append(event)

    def step(self, event: StepEnd) -> None:
        """Note it."""
        self.events.append(event)

    def epoch(self, event: EpochEnd) -> None:
        """Note it, or fail."""
        self.events.append(event)
        if self._fail:
            raise ValueError("no epoch today")

    def checkpoint(self, event: CheckpointWritten) -> None:
        """Note it."""
        self.events.append(event)

    def end(self, event: TrainingEnd) -> None:
        """Note it."""
        self.events.append(event)

    def kinds(self) -> list[str]:
        """Return what happened, steps that follow on each other once."""
        names = [type(event).__name__ for event in self.events]
        return [name for at, name in enumerate(names) if names[at - 1 : at] != [name]]


def _fit(
    experiment: Experiment,
    observers: Sequence[TrainingObserver] = (),
    folder: Path | None = None,
) -> list[object]:
    """Train, with checkpoints in `folder` if there is one; return the weights."""
    devices = start("cpu")
    make_reproducible(experiment.seed, devices, deterministic=False)
    prepared = prepare(experiment, Silent())
    steps = build_steps(experiment, len(prepared.splits.classes), devices, weights=True)
    train, validation = training_split(prepared), validation_split(prepared)
    monitor = Monitor(experiment.training, validated=validation is not None)
    settings = experiment.training.checkpoint
    fit(
        TrainingJob(experiment.training, input_settings(experiment), train, validation, monitor),
        steps,
        TrainingProgress(),
        Silent(),
        observers=observers,
        checkpoints=None if folder is None else Checkpoints(folder, settings, steps),
    )
    return [np.asarray(variable) for variable in steps.model.variables]


def test_a_training_without_a_writer_learns_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes nothing, and its observers see no checkpoints."""
    monkeypatch.chdir(tmp_path)
    experiment, alone, written = parse(TINY, "tiny.yaml", FEW_STEPS), Noting(), Noting()
    weights = _fit(experiment, [alone])
    assert not list(tmp_path.iterdir())
    epochs = ["StepEnd", "EpochEnd"] * experiment.training.epochs
    assert alone.kinds() == ["TrainingBegin", *epochs, "TrainingEnd"]
    for found, expected in zip(_fit(experiment, [written], tmp_path), weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert written.kinds().count("CheckpointWritten") == 1 + experiment.training.epochs


def test_what_events_say(tmp_path: Path) -> None:
    """Numbers count from 1; an epoch has its logs, and all those before it."""
    noted = Noting()
    _fit(parse(TINY, "tiny.yaml", FEW_STEPS), [noted], tmp_path)
    begin, *events, end = noted.events
    assert isinstance(begin, TrainingBegin)
    assert (begin.run, begin.epoch, begin.step, begin.best) == (None, 0, 0, None)
    steps = [event for event in events if isinstance(event, StepEnd) and event.epoch == 2]
    assert [event.step for event in steps] == [*range(1, begin.steps_per_epoch + 1)]
    assert all(0 <= event.waited <= event.seconds for event in steps)
    last = [event for event in events if isinstance(event, EpochEnd)][-1]
    assert (last.epoch, last.epochs, last.stopped) == (2, 2, False)
    assert last.logs["loss"] == last.history["loss"][1]
    assert {"val_loss", "learning_rate", "seconds", "images_per_second"} <= last.logs.keys()
    assert last.best is not None
    assert last.best.value == last.history[last.best.monitor][last.best.epoch - 1]
    assert events[-1] == CheckpointWritten(2, 0, last.best)
    assert end == TrainingEnd("finished", 2, last.best)


def test_an_observer_that_fails_ends_the_training() -> None:
    """Its error comes out, and all observers are notified of the end."""
    noted = Noting(fail=True)
    with pytest.raises(ValueError, match="no epoch today"):
        _fit(parse(TINY, "tiny.yaml", FEW_STEPS), [noted])
    end = noted.events[-1]
    assert isinstance(end, TrainingEnd)
    assert (end.outcome, end.epoch) == ("failed", 1)
