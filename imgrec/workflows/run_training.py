"""Training in a run that is begun, and what is made of its best model."""

from __future__ import annotations

import dataclasses
import functools
import logging
import shlex
from dataclasses import dataclass
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.errors import RunError
from imgrec.evaluation.assessment import Assessment
from imgrec.evaluation.metrics import Evaluation
from imgrec.evaluation.verdicts import judge
from imgrec.models.backend import Devices, make_reproducible, start
from imgrec.progress import Progress
from imgrec.requirement import parse
from imgrec.runs.card_file import read_card, write_card
from imgrec.runs.folder import Run
from imgrec.runtime.engine import Computing
from imgrec.runtime.litert_engine import FILES
from imgrec.text import shown
from imgrec.training.checkpoint import START, TrainingProgress, newest_place
from imgrec.training.features import with_features
from imgrec.training.loop import Job, fit
from imgrec.training.monitor import Monitor
from imgrec.training.phases import phases
from imgrec.training.settling import warn_unless_settled
from imgrec.training.steps import Steps
from imgrec.workflows.calibrate import calibrate
from imgrec.workflows.check import remind_of_copies
from imgrec.workflows.chosen import Chosen
from imgrec.workflows.evaluate import Measuring
from imgrec.workflows.export import export_trained
from imgrec.workflows.prepare import Prepared, judging, training_split, validation_split
from imgrec.workflows.results import write_results
from imgrec.workflows.run_files import announce_best, ended_now, update_card

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


def start_reproducibly(experiment: Experiment, device: str) -> Devices:
    """Return the devices to train on, with TensorFlow seeded as the experiment says."""
    devices = start(device)
    make_reproducible(experiment.seed, devices, deterministic=experiment.training.deterministic)
    return devices


def run_training(
    prepared: Prepared,
    run: Run,
    steps: Steps,
    state: TrainingProgress,
    progress: Progress,
    *,
    profile: bool,
) -> TrainingResult:
    """Train from where `state` stands to the end, and measure the run's best model.

    The best model is calibrated and exported first. profile: as of `train`. Raises RunError where
    the loss is no number any more, or no epoch was the best.
    """
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
