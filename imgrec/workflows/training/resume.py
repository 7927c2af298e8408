"""Resume a training where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from imgrec.errors import UsageError
from imgrec.models.backend import start
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import Run
from imgrec.runs.writer import RunWriter
from imgrec.runtime.litert_engine import FILES
from imgrec.text import printable
from imgrec.training.checkpoint import TrainingProgress, newest_progress, save_checkpoint
from imgrec.training.steps import computing_facts
from imgrec.workflows.experiment_sections import build_steps
from imgrec.workflows.prepare import prepare
from imgrec.workflows.run_config import run_config
from imgrec.workflows.statistics import recorded_preprocessing
from imgrec.workflows.training.description import resumed_fields, write_beginning
from imgrec.workflows.training.resume_state import (
    ResumePoint,
    check_changes,
    check_computing,
    check_same_images,
    refuse_nothing_left,
)
from imgrec.workflows.training.train import (
    DEFAULT_OPTIONS,
    TrainingOptions,
    TrainingResult,
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
    progress = progress or Silent()
    _refuse_imported(run)
    before, experiment = run_config(run.path), run_config(run.path, overrides)
    changes = check_changes(run, before, experiment, allowed=allow_changes)
    statistics = recorded_preprocessing(experiment.preprocessing, run)
    with RunWriter(run.path) as writer:
        writer.remove_partial()
        begun = newest_progress(run.state)
        if begun is not None:
            refuse_nothing_left(run, before.training, experiment.training, begun)
        now = computing_facts(experiment.training.precision, start(device))
        changes += check_computing(run, now, allowed=allow_changes)
        prepared = prepare(experiment, progress)
        changes += check_same_images(run, prepared, allowed=allow_changes)
        devices = start_reproducibly(prepared, device)
        classes = len(prepared.splits.classes)
        steps = build_steps(
            experiment, classes, devices, weights=begun is None, statistics=statistics
        )
        state, changed = TrainingProgress(), False
        if begun is not None:
            validated = bool(prepared.splits.validation)
            going = ResumePoint(run, before, experiment, validated, changes)
            state, changed = going.state(steps)
        log.info("run: %s resumes %s", run.path, state.place)
        writer.remove_exports([*FILES.values()])
        fields = resumed_fields(run.card, prepared, now, state.place, changes)
        writer.update(**fields)
        if changed:  # before the config, by which the next process sees no change
            keep = experiment.training.checkpoint.keep
            save_checkpoint(run.state, steps.variables, state, keep)
        write_beginning(writer, prepared)
        return run_training(prepared, writer, steps, state, progress, options)


def _refuse_imported(run: Run) -> None:
    if run.card.origin is not None:
        raise UsageError(
            f"{printable(run.name)} was imported: it has no training to resume",
            hint="train a model of your own with `imgrec train CONFIG`",
        )
