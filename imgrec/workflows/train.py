"""Training: a new run, or one that goes on."""

from __future__ import annotations

import dataclasses
import functools
import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.errors import RunError, UsageError
from imgrec.evaluation.assessment import Assessment
from imgrec.evaluation.metrics import Evaluation
from imgrec.evaluation.verdicts import judge
from imgrec.files import remove_partial
from imgrec.models.backbone import check_there
from imgrec.models.backend import Devices, make_reproducible, start
from imgrec.progress import Progress, Silent
from imgrec.requirement import parse
from imgrec.runs.card_file import read_card, write_card
from imgrec.runs.folder import Run, check_place, create
from imgrec.runs.lock import locked
from imgrec.runtime.engine import Computing
from imgrec.runtime.litert_engine import FILES
from imgrec.text import shown
from imgrec.training.checkpoint import (
    START,
    TrainingProgress,
    newest_place,
    newest_progress,
    save_checkpoint,
)
from imgrec.training.features import with_features
from imgrec.training.loop import Job, fit
from imgrec.training.monitor import Monitor
from imgrec.training.phases import phases
from imgrec.training.settling import warn_unless_settled
from imgrec.training.steps import Steps, computing
from imgrec.workflows.calibrate import calibrate
from imgrec.workflows.check import record_check, remind_of_copies
from imgrec.workflows.chosen import Chosen
from imgrec.workflows.continuing import Continuation, refuse_nothing_left
from imgrec.workflows.drift import check_computing, check_drift, check_images
from imgrec.workflows.evaluate import Measuring
from imgrec.workflows.export import export_trained, forget_exports
from imgrec.workflows.prepare import (
    Prepared,
    judging,
    prepare,
    training_split,
    validation_split,
)
from imgrec.workflows.results import write_results
from imgrec.workflows.run_files import (
    announce_best,
    ended_now,
    going_on,
    new_card,
    run_config,
    update_card,
    write_beginning,
)
from imgrec.workflows.statistics import measured, recorded, write_mean_image

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class TrainingResult:
    """A complete run, and how good its best model is, with what came of `evaluation.require`."""

    run: Run
    assessment: Assessment

    @property
    def evaluation(self) -> Evaluation:
        """The numbers."""
        return self.assessment.evaluation


def train(
    experiment: Experiment,
    *,
    runs_dir: Path,
    device: str = "auto",
    profile: bool = False,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train an experiment in a new run below `runs_dir`, and evaluate its best model.

    profile: tell after each epoch how long the device waited for images. Nothing is written before
    the images are read and the model is built. Raises ConfigError, DataError or RunError for what
    is wrong with the config, the images or the run's folder.
    """
    progress = progress or Silent()
    check_place(runs_dir)
    if experiment.model.backbone is not None:
        check_there(experiment.model.backbone.name, experiment.model.backbone.weights)
    prepared = prepare(experiment, progress)
    measurement = measured(experiment, prepared, progress)
    statistics = measurement.statistics if measurement else None
    devices = _start(experiment, device)
    classes = len(prepared.splits.classes)
    steps = Steps(experiment, classes, devices, weights=True, statistics=statistics)
    card = new_card(experiment, prepared, statistics, computing(experiment, devices))
    folder = create(runs_dir, experiment.name)
    log.info("run: %s", folder)
    with locked(folder):
        write_beginning(folder, experiment, prepared)
        record_check(folder, prepared.found, prepared.identities, prepared.skipped)
        if measurement:
            write_mean_image(folder, measurement)
        write_card(folder, card)  # the last: from here on this is a run that can go on
        run, begun = Run(folder, card), TrainingProgress()
        return _run(prepared, run, steps, begun, progress, profile=profile)


def resume(
    run: Run,
    *,
    overrides: Sequence[str] = (),
    allow_drift: bool = False,
    device: str = "auto",
    profile: bool = False,
    progress: Progress | None = None,
) -> TrainingResult:
    """Go on with a run from its newest checkpoint, as if it had never stopped.

    overrides: `a.b=c` as on the command line. allow_drift: go on although config, versions or
    images are others than they were. profile: as of `train`. Raises UsageError where nothing is
    left to train, or where config, versions or devices drifted; DataError where the images did.
    """
    progress = progress or Silent()
    _refuse_imported(run)
    before, experiment = run_config(run.path), run_config(run.path, overrides)
    drift = check_drift(run, before, experiment, allowed=allow_drift)
    statistics = recorded(experiment, run)
    with locked(run.path):
        remove_partial(run.path)
        begun = newest_progress(run.state)
        if begun is not None:
            refuse_nothing_left(run, before, experiment, begun)
        now = computing(experiment, start(device))
        drift += check_computing(run, now, allowed=allow_drift)
        prepared = prepare(experiment, progress)
        drift += check_images(run, prepared, allowed=allow_drift)
        devices = _start(experiment, device)
        classes = len(prepared.splits.classes)
        steps = Steps(experiment, classes, devices, weights=begun is None, statistics=statistics)
        state, changed = TrainingProgress(), False
        if begun is not None:
            validated = bool(prepared.splits.validation)
            going = Continuation(run, before, experiment, validated, drift)
            state, changed = going.state(steps)
        log.info("run: %s goes on %s", run.path, state.place)
        card = going_on(forget_exports(run), experiment, prepared, now, state.place, drift)
        write_card(run.path, card)
        if changed:  # before the config, which tells the next process that all is as it was
            keep = experiment.training.checkpoint.keep
            save_checkpoint(run.state, steps.variables, state, keep)
        write_beginning(run.path, experiment, prepared)
        return _run(prepared, Run(run.path, card), steps, state, progress, profile=profile)


def _start(experiment: Experiment, device: str) -> Devices:
    devices = start(device)
    make_reproducible(experiment.seed, devices, deterministic=experiment.training.deterministic)
    return devices


def _run(
    prepared: Prepared,
    run: Run,
    steps: Steps,
    state: TrainingProgress,
    progress: Progress,
    *,
    profile: bool,
) -> TrainingResult:
    experiment = steps.experiment
    splits = training_split(experiment, prepared), validation_split(experiment, prepared)
    warn_unless_settled(steps, splits[0].schedule.steps_per_epoch * experiment.training.epochs)
    monitor = Monitor(experiment, validated=splits[1] is not None)
    after_epoch = functools.partial(update_card, run.path, run.card, monitor.name)
    classes = len(prepared.splits.classes)
    before_best = functools.partial(announce_best, run.path, monitor.name)
    try:
        for epochs in phases(experiment, steps, state):
            train, validation = with_features(experiment, steps, *splits, epochs, progress)
            job = Job(
                experiment,
                run.path,
                epochs.stop,
                train,
                validation,
                classes,
                monitor,
                after_epoch,
                before_best,
                profile,
            )
            fit(job, steps, state, progress)
        return _concluded(experiment, prepared, run.path, progress)
    except BaseException:
        _say_how_to_go_on(run)
        raise


def _say_how_to_go_on(run: Run) -> None:
    command = f"imgrec train --resume {shown(shlex.quote(str(run.path)))}"
    log.info("stopped; `%s` goes on %s", command, newest_place(run.state) or START)


def _concluded(
    experiment: Experiment,
    prepared: Prepared,
    folder: Path,
    progress: Progress,
) -> TrainingResult:
    run = Run(folder, read_card(folder))
    if not run.card.best:
        raise RunError(
            f"{shown(str(folder))} has no best epoch: what it monitors was never a number"
        )
    run = calibrate(run, experiment, prepared.splits, progress)
    run = export_trained(run, prepared.splits, experiment.training.export, progress)
    assessment = _assessed(run, experiment, prepared, progress)
    write_card(folder, ended_now(run.card))
    remind_of_copies(prepared.splits, prepared.identities)
    return TrainingResult(Run(folder, read_card(folder)), assessment)


def _assessed(
    run: Run, experiment: Experiment, prepared: Prepared, progress: Progress
) -> Assessment:
    """Measure the best model as `evaluate` will, and write down what was found.

    What is not met stops nothing: the model may be wanted all the same.
    """
    split, records = judging(prepared.found)
    if split == "train":
        log.warning("no test or validation images: the final numbers are of the training images")
    section, bad_images = experiment.evaluation, experiment.data.bad_images
    images = Chosen(split, run.card.data[split].written or experiment.data.loader or "", records)
    measuring = Measuring(images, run.card.classes, bad_images, section.top_k, progress)
    computing = Computing("auto" if (run.path / FILES["float32"]).is_file() else "keras")
    found = measuring.assess([run], computing, section.slicing)
    verdicts = judge(found.evaluation, [*map(parse, section.require)])
    assessment = dataclasses.replace(found, verdicts=verdicts)
    write_results(run, assessment, records)
    return assessment


def _refuse_imported(run: Run) -> None:
    if run.card.origin is not None:
        raise UsageError(
            f"{shown(run.name)} was imported: it has no training to go on with",
            hint="train a model of your own with `imgrec train CONFIG`",
        )
