"""The parts of a training: a head on its frozen backbone, then both together."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from imgrec.config.experiment import Experiment
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.steps import Steps

log = logging.getLogger("imgrec")


def last_epoch(experiment: Experiment, state: TrainingProgress) -> int:
    """Return how many epochs are done when the phase that `state` is in ends."""
    fine_tune = experiment.training.fine_tune
    if state.phase and fine_tune is not None:
        return state.phase_start + fine_tune.epochs
    return experiment.training.epochs


def is_last(experiment: Experiment, state: TrainingProgress) -> bool:
    """Say whether no other phase follows on the one that `state` is in."""
    return experiment.training.fine_tune is None or state.phase > 0


def phases(experiment: Experiment, steps: Steps, state: TrainingProgress) -> Iterator[range]:
    """Yield the epochs (from 0) of each phase from that of `state` on, those done among them.

    `steps` and `state` are ready for it then. The next one begins when the consumer comes back,
    unless it stopped before the phase's end.
    """
    yield range(state.phase_start, last_epoch(experiment, state))
    if is_last(experiment, state):
        return
    if state.stopped or state.epoch >= last_epoch(experiment, state):
        state.phase, state.phase_start = state.phase + 1, state.epoch
        state.stopped, state.callbacks = False, []
        enter(experiment, steps, state)
        yield range(state.phase_start, last_epoch(experiment, state))


def enter(experiment: Experiment, steps: Steps, state: TrainingProgress) -> None:
    """Make the steps those of the phase that `state` is in; they are of the first one so far."""
    fine_tune = experiment.training.fine_tune
    if state.phase and fine_tune is not None:
        where = "all" if fine_tune.first_layer == "all" else f"from {fine_tune.first_layer} on"
        log.info("fine-tuning: the backbone learns too, %s", where)
        steps.fine_tune(fine_tune)
