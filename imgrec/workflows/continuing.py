"""Where a run goes on: its newest checkpoint, fitted to what is changed knowingly."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imgrec.config.experiment import Experiment
from imgrec.config.named import Named
from imgrec.errors import UsageError
from imgrec.runs.folder import Run
from imgrec.training.checkpoint import (
    OtherModel,
    TrainingProgress,
    load_checkpoint,
    load_frozen,
)
from imgrec.training.monitor import watched
from imgrec.training.phases import enter, is_last, last_epoch
from imgrec.training.steps import Steps

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class Continuation:
    """A run that goes on, with its config before and after.

    validated: whether there are validation images now. drift: what changed, a line each.
    """

    run: Run
    before: Experiment
    after: Experiment
    validated: bool
    drift: tuple[str, ...]

    def state(self, steps: Steps) -> tuple[TrainingProgress, bool]:
        """Bring the newest checkpoint back; return where it stands, and whether that was changed.

        With drift the learning rate is the changed one, callbacks that are not the same count
        anew, and the best epoch is chosen anew where another value tells it. It is also where
        best.keras is of an epoch that will be trained again, and may come out worse on a GPU.
        Raises UsageError where the checkpoint does not fit what changed.
        """
        state = self._loaded(steps)
        ahead = int(self.run.card.best.get("epoch", 0)) > state.epoch
        if not (self.drift or ahead):
            return state, False
        self._choose_best_anew(state, ahead=ahead)
        old, new = (each.training.callbacks for each in (self.before, self.after))
        state.stopped &= old == new
        state.callbacks = _matched(state.callbacks, old, new)
        rates = _rate(self.before, state), _rate(self.after, state)
        if rates[0] != rates[1] and not any(isinstance(rate, Named) for rate in rates):
            steps.learning_rate = rates[1]
        return state, True

    def _loaded(self, steps: Steps) -> TrainingProgress:
        def variables(state: TrainingProgress) -> Sequence[Any]:
            enter(self.after, steps, state)
            return steps.variables

        try:
            if steps.frozen:
                load_frozen(self.run.state, steps.frozen)
            return load_checkpoint(self.run.state, variables)
        except OtherModel as error:
            if not self.drift:
                raise
            raise unfitting(self.run, self.drift) from error

    def _choose_best_anew(self, state: TrainingProgress, *, ahead: bool) -> None:
        before = watched(self.before, validated="validation" in self.run.card.data)
        after = watched(self.after, validated=self.validated)
        if state.best_value is None or not (ahead or before != after):
            return
        if is_last(self.after, state) and state.epoch >= last_epoch(self.after, state):
            raise UsageError(
                f"{self.run.name} has no epoch left in which to choose the best one anew",
                hint="raise its epochs too, or leave training.checkpoint as it was",
            )
        state.best_epoch, state.best_value = 0, None
        why = "best.keras is of one that is trained again" if ahead else f"by {after[0]}"
        log.info("the best epoch is chosen anew from here on: %s", why)


def refuse_nothing_left(
    run: Run, before: Experiment, after: Experiment, state: TrainingProgress
) -> None:
    """Raise UsageError where a run that stands at `state` has nothing left to train."""
    epochs, done = last_epoch(after, state), state.epoch
    key, lasted = ("fine_tune.epochs" if state.phase else "epochs"), done - state.phase_start
    further = f"--set training.{key}={2 * lasted} trains it further"
    if state.phase and before.training.epochs != after.training.epochs:
        raise UsageError(
            f"{run.name} is in its fine-tuning: its training.epochs are over",
            hint="--set training.fine_tune.epochs=N trains it further",
        )
    if done > epochs:
        raise UsageError(f"{run.name} has {done} epochs already, more than {epochs}", hint=further)
    if not (run.card.complete and is_last(after, state)):
        return
    if done == epochs:
        raise UsageError(f"{run.name} has all of its {done} epochs", hint=further)
    if state.stopped and before.training.callbacks == after.training.callbacks:
        raise UsageError(
            f"{run.name} stopped early after epoch {done}, as its training.callbacks say",
            hint="--set training.callbacks=[] --allow-drift trains it further",
        )


def unfitting(run: Run, changed: Sequence[str]) -> UsageError:
    """Return the error to raise where no checkpoint of the run fits what changed."""
    lines = "".join(f"\n  {line}" for line in changed)
    return UsageError(
        f"{run.name} can't go on with this: its checkpoint does not fit{lines}",
        hint="leave it as it was, or train anew",
    )


def _matched(
    counters: Sequence[dict[str, float | None]], before: Sequence[Named], after: Sequence[Named]
) -> list[dict[str, float | None]]:
    """Return the counters of each callback of `after` that was there before, none of others."""
    counted = list(before[: len(counters)])
    return [counters[counted.index(each)] if each in counted else {} for each in after]


def _rate(experiment: Experiment, state: TrainingProgress) -> Any:
    """Return the learning rate as the config has it for the phase of `state`."""
    fine_tune = experiment.training.fine_tune
    if state.phase and fine_tune is not None:
        return fine_tune.learning_rate
    return getattr(experiment.training.optimizer, "learning_rate", None)
