"""The phases of a training: all of it, or its head and then fine-tuning."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from imgrec.config.training import Training
from imgrec.interface import setting
from imgrec.models.backbone import batch_normalizations
from imgrec.rounding import percent
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.steps import Steps

log = logging.getLogger("imgrec")


def last_epoch(training: Training, state: TrainingProgress) -> int:
    """Return how many epochs are done when the phase that `state` is in ends."""
    fine_tune = training.fine_tune
    if state.phase and fine_tune is not None:
        return state.phase_start + fine_tune.epochs
    return training.epochs


def is_last(training: Training, state: TrainingProgress) -> bool:
    """Return whether no other phase follows the one that `state` is in."""
    return training.fine_tune is None or state.phase > 0


def phases(training: Training, steps: Steps, state: TrainingProgress) -> Iterator[range]:
    """Yield the epochs (from 0) of each phase from that of `state` on, including those done.

    `steps` and `state` are prepared for the phase that is yielded. The next one begins when the
    consumer asks for it, unless the phase is not finished.
    """
    yield range(state.phase_start, last_epoch(training, state))
    if is_last(training, state):
        return
    if state.stopped or state.epoch >= last_epoch(training, state):
        state.phase, state.phase_start = state.phase + 1, state.epoch
        state.stopped, state.callbacks = False, []
        enter(training, steps, state)
        yield range(state.phase_start, last_epoch(training, state))


def enter(training: Training, steps: Steps, state: TrainingProgress) -> None:
    """Prepare `steps`, which are those of the first phase, for the phase that `state` is in."""
    fine_tune = training.fine_tune
    if state.phase and fine_tune is not None:
        where = "all" if fine_tune.first_layer == "all" else f"from {fine_tune.first_layer} on"
        log.info("fine-tuning: the backbone learns too, %s", where)
        steps.fine_tune(fine_tune)


_SETTLED = 0.95


def warn_if_batch_norm_unsettled(steps: Steps, count: int) -> None:
    """Warn if running means and variances will not have converged after `count` steps.

    They begin at 0 and 1 if the weights are random, and each step keeps the fraction `momentum` of
    them. With other values than in training, a model's answers are arbitrary.
    """
    backbone = steps.network.model.backbone
    if backbone is None or backbone.pretrained or not backbone.trainable:
        return
    if backbone.batch_norm_momentum is not None:  # chosen knowingly
        return
    momentum = max((each.momentum for each in batch_normalizations(steps.backbone)), default=0.0)
    settled = 1 - momentum**count
    if settled < _SETTLED:
        log.warning(
            "%s's batch normalization keeps %.4g of its mean and variance at each step: after "
            "%s steps only %s of them is your images'; "
            "%s is for short trainings",
            backbone.title,
            momentum,
            f"{count:,}",
            percent(settled, 0),
            setting("model.backbone.batch_norm_momentum", "0.9"),
        )
