"""Resume a training where it stopped, and what may have changed since then."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from pydantic import BaseModel

from imgrec.config.experiment import Experiment
from imgrec.config.keras.named import Named, plain
from imgrec.config.training import Training
from imgrec.errors import DataError, ImgrecError, UsageError
from imgrec.interface import option
from imgrec.models.backend import start
from imgrec.progress import Progress, Silent
from imgrec.runs.card import BEST_MODEL
from imgrec.runs.folder import Run
from imgrec.runs.image_list import image_differences, recorded_identities
from imgrec.runs.writer import RunWriter
from imgrec.runtime.litert_engine import FILES
from imgrec.sections.problems import shown_value
from imgrec.text import count_of, printable
from imgrec.training.checkpoint import (
    OtherModel,
    TrainingProgress,
    load_checkpoint,
    load_frozen,
    newest_place,
    newest_progress,
    save_checkpoint,
)
from imgrec.training.monitor import callbacks_of, monitored
from imgrec.training.phases import enter, is_last, last_epoch
from imgrec.training.precision import computing_facts, log_precision
from imgrec.training.steps import Steps
from imgrec.versions import TRAINING, changed, versions
from imgrec.workflows.backbone_run import backbone_run, with_backbone_run
from imgrec.workflows.experiment_sections import build_steps
from imgrec.workflows.prepare import Prepared, prepare
from imgrec.workflows.run_config import run_config
from imgrec.workflows.statistics import recorded_preprocessing
from imgrec.workflows.tracking import tracked
from imgrec.workflows.training.conclusion import TrainingResult
from imgrec.workflows.training.description import identities_of, resumed_fields, write_beginning
from imgrec.workflows.training.session import Moment, recorded_session
from imgrec.workflows.training.train import (
    DEFAULT_OPTIONS,
    TrainingOptions,
    run_training,
    start_reproducibly,
)

log = logging.getLogger("imgrec")


def resume(
    run: Run,
    *,
    overrides: Sequence[str] = (),
    allow_changes: bool = False,
    device: str = "auto",
    options: TrainingOptions = DEFAULT_OPTIONS,
    progress: Progress | None = None,
) -> TrainingResult:
    """Resume a run from its newest checkpoint, as if it had never stopped.

    overrides: `a.b=c` as on the command line. allow_changes: resume although config, versions or
    images have changed. Raises UsageError if nothing is left to train, or if
    config, versions or devices have changed; DataError if the images have.
    """
    progress, began = progress or Silent(), Moment.now()
    _refuse_imported(run)
    _refuse_solved(run)
    before = run_config(run.path)
    experiment = with_backbone_run(run_config(run.path, overrides), run.path.parent)
    changes = _check_changes(run, before, experiment, allowed=allow_changes)
    statistics = recorded_preprocessing(experiment.preprocessing, run)
    with RunWriter(run.path) as writer:
        writer.remove_partial()
        begun = newest_progress(run.state)
        if begun is not None:
            _refuse_nothing_left(run, before.training, experiment.training, begun)
        now = computing_facts(experiment.training.precision, start(device))
        changes += _check_computing(run, now, allowed=allow_changes)
        changes += _check_backbone(run, experiment, allowed=allow_changes)
        prepared = prepare(experiment, progress)
        changes += _check_same_images(run, prepared, allowed=allow_changes)
        devices = start_reproducibly(prepared, device)
        log_precision(experiment.training.precision, devices)
        classes = len(prepared.splits.classes)
        steps = build_steps(
            experiment, classes, devices, weights=begun is None, statistics=statistics
        )
        state, adjusted = TrainingProgress(), False
        if begun is not None:
            validated = bool(prepared.splits.validation)
            going = _ResumePoint(run, before, experiment, validated, changes)
            state, adjusted = going.state(steps)
        log.info("run: %s resumes %s", run.path, state.place)
        writer.remove_exports([*FILES.values()])
        fields = resumed_fields(run.card, prepared, now, state.place, changes)
        writer.update(**fields)
        if adjusted:  # before the config, by which the next process sees no change
            keep = experiment.training.checkpoint.keep
            save_checkpoint(run.state, steps.variables, state, keep)
        write_beginning(writer, prepared, options.notes)
        with (
            tracked(writer, experiment.tracking) as tracking,
            recorded_session(writer, experiment, began, devices) as session,
        ):
            recorded = options.with_first(session, tracking)
            return run_training(prepared, writer, steps, state, progress, recorded)


def _refuse_imported(run: Run) -> None:
    if run.card.origin is not None:
        raise UsageError(
            f"{printable(run.name)} was imported: it has no training to resume",
            hint="train a model of your own with `imgrec train CONFIG`",
        )


def _refuse_solved(run: Run) -> None:
    if run.card.head is not None and run.card.complete:
        raise UsageError(
            f"{printable(run.name)} has finished: its head is solved exactly, without epochs",
            hint="with other images or settings, train again with `imgrec train CONFIG`",
        )


@dataclass(frozen=True)
class ConfigDifference:
    """A value that differs: its key, such as `training.epochs`, and both values as text."""

    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.after}"


def config_differences(before: BaseModel, after: BaseModel) -> tuple[ConfigDifference, ...]:
    """Return what differs between two sections of one kind, defaults included."""
    return tuple(_differences(before, after, ""))


def _differences(before: Any, after: Any, key: str) -> Iterator[ConfigDifference]:
    if before == after:
        return
    if isinstance(before, BaseModel) and type(before) is type(after):
        inner = f"{key}.{type(before).__name__}" if isinstance(before, Named) else key
        for name, field in type(before).model_fields.items():
            written = field.alias or name
            path = f"{inner}.{written}" if inner else written
            yield from _differences(getattr(before, name), getattr(after, name), path)
    elif isinstance(before, list) and isinstance(after, list):
        for index, pair in enumerate(zip_longest(before, after)):
            yield from _differences(*pair, f"{key}[{index}]")
    else:
        yield ConfigDifference(key, _in_words(before), _in_words(after))


def _in_words(value: Any) -> str:
    return "none" if value is None else shown_value(plain(value))


@dataclass(frozen=True)
class _ResumePoint:
    """A run that is resumed, with its config before and after.

    validated: whether there are validation images now. changes: what changed, one line each.
    """

    run: Run
    before: Experiment
    after: Experiment
    validated: bool
    changes: tuple[str, ...]

    def state(self, steps: Steps) -> tuple[TrainingProgress, bool]:
        """Load the newest checkpoint; return its state, and whether that was adjusted.

        After changes, the learning rate is the new one, and changed callbacks start counting
        again. The best epoch is chosen again if it is monitored by another value, or if best.keras
        is of an epoch that will be trained again, which may come out worse on a GPU.
        Raises UsageError if the checkpoint does not fit what changed.
        """
        state = self._loaded(steps)
        ahead = int(self.run.card.best.get("epoch", 0)) > state.epoch
        if not (self.changes or ahead):
            return state, False
        self._choose_best_again(state, ahead=ahead)
        old = callbacks_of(self.before.training, validated=self._was_validated)
        new = callbacks_of(self.after.training, validated=self.validated)
        state.stopped &= old == new
        state.callbacks = _matched(state.callbacks, old, new)
        rates = _rate(self.before.training, state), _rate(self.after.training, state)
        if rates[0] != rates[1] and not any(isinstance(rate, Named) for rate in rates):
            steps.learning_rate = rates[1]
        return state, True

    @property
    def _was_validated(self) -> bool:
        return "validation" in self.run.card.data

    def _loaded(self, steps: Steps) -> TrainingProgress:
        def variables(state: TrainingProgress) -> Sequence[Any]:
            enter(self.after.training, steps, state)
            return steps.variables

        try:
            if steps.frozen:
                load_frozen(self.run.state, steps.frozen)
            return load_checkpoint(self.run.state, variables)
        except OtherModel as error:
            if not self.changes:
                raise
            raise _unfitting(self.run, self.changes) from error

    def _choose_best_again(self, state: TrainingProgress, *, ahead: bool) -> None:
        before = monitored(self.before.training, validated=self._was_validated)
        after = monitored(self.after.training, validated=self.validated)
        if state.best_value is None or not (ahead or before != after):
            return
        if is_last(self.after.training, state) and state.epoch >= last_epoch(
            self.after.training, state
        ):
            raise UsageError(
                f"{self.run.name} has no epoch left in which to choose the best one again",
                hint="raise its epochs too, or leave training.checkpoint as it was",
            )
        state.best_epoch, state.best_value = 0, None
        why = "best.keras is of one that is trained again" if ahead else f"by {after[0]}"
        log.info("the best epoch is chosen again from here on: %s", why)


def _refuse_nothing_left(
    run: Run, before: Training, after: Training, state: TrainingProgress
) -> None:
    """Raise UsageError if a run whose training is at `state` has nothing left to train."""
    epochs, done = last_epoch(after, state), state.epoch
    key, lasted = ("fine_tune.epochs" if state.phase else "epochs"), done - state.phase_start
    further = f"{option('set', f'training.{key}={2 * lasted}')} trains it further"
    if state.phase and before.epochs != after.epochs:
        raise UsageError(
            f"{run.name} is being fine-tuned already: its training.epochs are done",
            hint=f"{option('set', 'training.fine_tune.epochs=N')} trains it further",
        )
    if done > epochs:
        raise UsageError(
            f"{run.name} has {count_of(done, 'epoch')} already, more than {epochs}", hint=further
        )
    if not (run.card.complete and is_last(after, state)):
        return
    if done == epochs:
        raise UsageError(
            f"{run.name} has finished: {count_of(done, 'epoch')} of {epochs}", hint=further
        )
    if state.stopped and before.callbacks == after.callbacks:
        raise UsageError(
            f"{run.name} stopped early after epoch {done}, as its training.callbacks say",
            hint=f"{option('set', 'training.callbacks=[]')} --allow-changes trains it further",
        )


def _unfitting(run: Run, changed: Sequence[str]) -> UsageError:
    """Return the error to raise if no checkpoint of the run fits the changes."""
    lines = "".join(f"\n  {line}" for line in changed)
    return UsageError(
        f"{run.name} can't be resumed with this: its checkpoint does not fit{lines}",
        hint="leave it as it was, or train again",
    )


def _matched(
    counters: Sequence[dict[str, float | None]], before: Sequence[Named], after: Sequence[Named]
) -> list[dict[str, float | None]]:
    """Return the counters of each callback of `after`, empty unless it was there before."""
    counted = list(before)[: len(counters)]
    return [counters[counted.index(each)] if each in counted else {} for each in after]


def _rate(training: Training, state: TrainingProgress) -> Any:
    """Return the learning rate in the config for the phase of `state`."""
    fine_tune = training.fine_tune
    if state.phase and fine_tune is not None:
        return fine_tune.learning_rate
    return getattr(training.optimizer, "learning_rate", None)


# The keys that may change, as they affect none of the steps done: lengths, files, locations.
_FREE = (
    "training.epochs",
    "training.fine_tune.epochs",
    "training.checkpoint.every",
    "training.checkpoint.keep",
    "training.on_nan",
    "training.export",
    "data.root",
    "data.train",
    "data.validation",
    "data.test",
    "data.bad_images",
    "data.cache",
    "model.backbone.run",
    "tracking",
)

_HINT = "--allow-changes resumes it anyway; or train again"

# The state of another optimizer or metric means something else, even if its shapes fit.
_BOUND = re.compile(r"training\.(optimizer|metrics.*)")


def _check_changes(
    run: Run, before: Experiment, after: Experiment, *, allowed: bool
) -> tuple[str, ...]:
    """Return the changes of config and versions that affect the training, one line each, and warn.

    Raises UsageError unless they are `allowed`, and in any case if no checkpoint would fit.
    """
    keys = [each for each in config_differences(before, after) if not _free(each.key)]
    if run.card.computing:  # has the resulting precision, see _check_computing
        keys = [each for each in keys if each.key != "training.precision"]
    bound = [str(each) for each in keys if _BOUND.fullmatch(each.key)]
    if bound and newest_place(run.state) is not None:
        raise _unfitting(run, bound)
    lines = [*map(str, keys), *changed(run.card.versions, versions(), TRAINING)]
    return _allowed(UsageError, _other_training(run), lines, allowed=allowed)


def _check_computing(run: Run, now: Mapping[str, str], *, allowed: bool) -> tuple[str, ...]:
    """Return how device, precision or replicas (see Card.computing) changed, and warn.

    Raises UsageError unless that is `allowed`, and in any case for another precision.
    """
    before = run.card.computing
    lines, hint = changed(before, now, before), _HINT
    kept = before.get("precision", now["precision"])
    if kept != now["precision"]:
        hint = (
            f"{option('set', f'training.precision={kept}')} --allow-changes keeps the precision; "
            "or train again"
        )
        allowed = False
    return _allowed(UsageError, _other_training(run), lines, allowed=allowed, hint=hint)


def _check_backbone(run: Run, experiment: Experiment, *, allowed: bool) -> tuple[str, ...]:
    """Return whether the model of the backbone run changed, in a line, and warn.

    Raises UsageError unless that is `allowed`.
    """
    before, now = run.card.backbone, backbone_run(experiment)
    if before is None or now is None or now.card.hashes[BEST_MODEL] == before.model:
        return ()
    lines = [f"the model of the backbone run {now.name} is not the one that was there"]
    return _allowed(UsageError, _other_training(run), lines, allowed=allowed)


def _check_same_images(run: Run, prepared: Prepared, *, allowed: bool) -> tuple[str, ...]:
    """Return how the images changed since the run began, one line each, and warn.

    Raises DataError unless that is `allowed`, and in any case if the classes changed.
    """
    if prepared.splits.classes != run.card.classes:
        raise DataError(
            f"the classes are not those that {run.name} was trained with", hint="train again"
        )
    before, now = recorded_identities(run.path), identities_of(prepared)
    lines = [*image_differences(before, now)]
    if not lines and prepared.fingerprint != run.card.fingerprint:
        lines = ["their fingerprint is not the one in the card"]
    message = f"the images are not those that {run.name} was trained with"
    changes = _allowed(DataError, message, lines, allowed=allowed)
    return tuple(f"images: {line}" for line in changes)


def _free(key: str) -> bool:
    return any(key == free or key.startswith((f"{free}.", f"{free}[")) for free in _FREE)


def _other_training(run: Run) -> str:
    return f"{run.name} would not be resumed as the same training"


def _allowed(
    kind: type[ImgrecError],
    message: str,
    lines: Sequence[str],
    *,
    allowed: bool,
    hint: str = _HINT,
) -> tuple[str, ...]:
    """Return the lines, after a warning; raise the error if they are not `allowed`."""
    if lines:
        text = "\n".join([message, *(f"  {line}" for line in lines)])
        if not allowed:
            raise kind(text, hint=hint)
        log.warning("%s\nresuming anyway, as --allow-changes says", text)
    return tuple(lines)
