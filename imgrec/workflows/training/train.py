"""Training in a new run, and the plan of a training that `--dry-run` shows."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgrec.backbones import application_of
from imgrec.config.experiment import Experiment
from imgrec.config.load import dump
from imgrec.config.model import ModelConfig
from imgrec.data.images import bad_unnamed
from imgrec.errors import DataError, GroupError, RunError
from imgrec.files import writing
from imgrec.interface import setting
from imgrec.models.backbone import check_there
from imgrec.models.backend import Devices, make_reproducible, start
from imgrec.models.downloads import require_weights
from imgrec.models.network import build, summarize
from imgrec.models.packaged_weights import packaged_weights
from imgrec.network_summary import NetworkSummary
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import STATE, Run, check_place, create, default_runs_dir
from imgrec.runs.notes import NO_NOTES, Notes
from imgrec.runs.writer import RunWriter
from imgrec.text import printable
from imgrec.training.checkpoint import START, Checkpoints, TrainingProgress, newest_place
from imgrec.training.loop import TrainingJob, fit
from imgrec.training.monitor import Monitor
from imgrec.training.observers import StopTraining, TrainingObserver
from imgrec.training.phases import warn_if_batch_norm_unsettled
from imgrec.training.precision import computing_facts, log_precision
from imgrec.training.recorders import EpochLog, InputWait, run_recorders
from imgrec.training.steps import Steps, explain_out_of_memory
from imgrec.workflows.backbone_run import (
    backbone_run,
    warn_of_known_images,
    with_backbone_run,
)
from imgrec.workflows.check import record_check
from imgrec.workflows.experiment_sections import (
    build_network,
    build_steps,
    input_settings,
    located_problems,
    memory_hint,
)
from imgrec.workflows.export import export_trained
from imgrec.workflows.prepare import (
    Prepared,
    prepare,
    read_splits,
    records_of,
    training_split,
    validation_split,
    without,
)
from imgrec.workflows.pretrained_weights import missing_weights
from imgrec.workflows.statistics import measure_preprocessing, without_measuring, write_mean_image
from imgrec.workflows.tracking import tracked
from imgrec.workflows.training.calibrate import calibrate, warn_if_unattainable
from imgrec.workflows.training.conclusion import JudgedOn, TrainingResult, conclude
from imgrec.workflows.training.description import new_card, write_beginning
from imgrec.workflows.training.exact_head import head_photos, solve_head
from imgrec.workflows.training.session import Moment, recorded_session

log = logging.getLogger("imgrec")

_FEWEST_CLASSES = 2


@dataclass(frozen=True)
class DryRun:
    """What a training would do: resolved config, network, images by split, and by class.

    An image may have several classes, or none. missing: why there are no images; the network then
    has two classes, unless its output layer is written out.
    """

    config: str
    network: NetworkSummary | None
    images: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    missing: DataError | None = None


def plan_training(
    experiment: Experiment,
    *,
    runs_dir: Path | None = None,
    device: str = "auto",
    build_model: bool = True,
) -> DryRun:
    """Return what `train` would do, having looked for the images and built the model.

    Args:
        experiment: What is trained.
        runs_dir: The runs folder; by default $IMGREC_RUNS, else `runs`.
        device: The device, as for `train`.
        build_model: Whether to build it; without, the network is not known.
    """
    experiment = with_backbone_run(experiment, runs_dir or default_runs_dir())

    def network(classes: int) -> NetworkSummary | None:
        return _planned_network(experiment, classes, device) if build_model else None

    try:
        splits = read_splits(experiment)
    except GroupError:  # the images are there
        raise
    except DataError as error:
        cause = error.message.partition("\n")[0]
        log.warning("%s\nwithout images, the last layer may have more units than shown", cause)
        written = _written_classes(experiment.model)
        return DryRun(dump(experiment), network(written), missing=error)
    bad = bad_unnamed(splits.records)
    splits = without(splits, bad, skip=experiment.data.bad_images == "skip")
    planned = network(len(splits.classes))
    warn_if_unattainable(experiment, splits)
    counts: dict[str, Mapping[str, int]] = {
        split: _counts([label for record in records for label in record.labels], splits.classes)
        for split, records in records_of(splits)
    }
    images: dict[str, int] = {split: len(records) for split, records in records_of(splits)}
    return DryRun(dump(experiment), planned, images, counts)


def _written_classes(section: ModelConfig) -> int:
    """Return how many classes a hand-written output layer has, else two."""
    written = section.written_output
    return _FEWEST_CLASSES if written is None else max(_FEWEST_CLASSES, written.units)


def _planned_network(experiment: Experiment, classes: int, device: str) -> NetworkSummary | None:
    start(device)
    downloaded, top = _downloaded_weights(experiment.model), experiment.model.backbone is None
    if downloaded and (remark := missing_weights(downloaded, top=top)):
        log.warning("%s", remark)
    statistics = without_measuring(experiment.data.channels)
    model = build_network(experiment, classes, weights=not downloaded, statistics=statistics)
    return summarize(model)


def _downloaded_weights(section: ModelConfig) -> str:
    """Return the application whose ImageNet weights Keras downloads; empty if it needs none.

    They have its last layer unless it is a backbone.
    """
    if section.backbone is not None:
        name = section.backbone.name if section.backbone.weights == "imagenet" else None
    else:
        name = application_of(section.weights) if section.weights is not None else None
    return "" if name is None or packaged_weights(name) else name


def _check_weights(section: ModelConfig) -> None:
    """Raise RunError if the initial weights are not there, and can't be downloaded."""
    if section.backbone is not None and section.backbone.name is not None:
        check_there(section.backbone.name, section.backbone.weights)
    if downloaded := _downloaded_weights(section):
        top = section.backbone is None
        key = "model.weights" if top else "model.backbone.weights"
        hint = f"give a local weights file: {setting(key, 'FILE')}"
        require_weights(downloaded, top=top, hint=hint)


def _counts(labels: Sequence[int], classes: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(np.array(labels, np.int64), minlength=len(classes))
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}


def new_run_folder(runs_dir: Path, name: str, options: TrainingOptions) -> Path:
    """Create and return the folder of a run; raises RunError if it can't be created."""
    if options.folder is None:
        return create(runs_dir, name)
    with writing(options.folder):
        options.folder.mkdir(parents=True)
    return options.folder


def start_reproducibly(prepared: Prepared, device: str) -> Devices:
    """Return the devices to train on, with TensorFlow seeded as the experiment says."""
    experiment, devices = prepared.experiment, start(device)
    make_reproducible(experiment.seed, devices, deterministic=experiment.training.deterministic)
    return devices


@dataclass(frozen=True)
class TrainingOptions:
    """What a training does beside training.

    profile: log after each epoch how long the device waited for images. observers: notified after
    those of imgrec, in this order. notes: tags and a note for the run. folder: that of the run,
    which does not exist yet, instead of one below the runs folder. judged_on: what the best model
    is evaluated on.
    """

    profile: bool = False
    observers: Sequence[TrainingObserver] = ()
    notes: Notes = NO_NOTES
    folder: Path | None = None
    judged_on: JudgedOn = "test"

    def with_first(self, *observers: TrainingObserver) -> TrainingOptions:
        """Return the options with observers that are notified before the others."""
        return replace(self, observers=(*observers, *self.observers))


DEFAULT_OPTIONS = TrainingOptions()


def run_training(
    prepared: Prepared,
    writer: RunWriter,
    steps: Steps,
    state: TrainingProgress,
    progress: Progress,
    options: TrainingOptions,
) -> TrainingResult:
    """Train from where `state` stands to the end, and evaluate the run's best model.

    The best model is calibrated and exported first. Raises RunError if the loss is not a number
    any more, or no epoch was the best.
    """
    experiment = prepared.experiment
    warn_if_unattainable(experiment, prepared.splits)
    try:
        with (
            located_problems(experiment),
            explain_out_of_memory(memory_hint(experiment.data)),
        ):
            if experiment.model.head is None:
                _fit(prepared, writer, steps, state, progress, options)
            else:
                solve_head(writer, prepared, steps, progress)
        calibrate(writer, prepared, progress)
        export_trained(writer, prepared.splits, experiment.training.export, progress)
        return conclude(prepared, writer, progress, options.judged_on)
    except StopTraining:
        raise
    except BaseException:
        _say_how_to_go_on(writer.run)
        raise


def _fit(
    prepared: Prepared,
    writer: RunWriter,
    steps: Steps,
    state: TrainingProgress,
    progress: Progress,
    options: TrainingOptions,
) -> None:
    """Train from where `state` stands to the last epoch."""
    experiment, training = prepared.experiment, prepared.experiment.training
    train, validation = training_split(prepared), validation_split(prepared)
    warn_if_batch_norm_unsettled(steps, train.schedule.steps_per_epoch * training.epochs)
    monitor = Monitor(training, validated=validation is not None)
    if writer.card.validated is not None:
        log.info("each epoch is validated on %s", writer.card.validated_on)
    fit(
        TrainingJob(
            training, input_settings(experiment), train, validation, monitor, writer.folder
        ),
        steps,
        state,
        progress,
        observers=_observers(writer, steps, options),
        checkpoints=Checkpoints(writer.subfolder(STATE), training.checkpoint, steps),
    )
    if not writer.card.best:
        name = printable(str(writer.folder))
        raise RunError(f"{name} has no best epoch: what it monitors was never a number")


def _observers(writer: RunWriter, steps: Steps, options: TrainingOptions) -> list[TrainingObserver]:
    """Return who is notified of the training, in this order.

    First what writes the run (best.keras and last.keras, history.csv, the card), so that the others
    find it up to date; then what logs (the wait for images, the line of the epoch); then what the
    options have: the record of the process, the trackers, the caller's own observers. On several
    machines, only the chief has a writer.
    """

    def network() -> Any:
        return build(steps.network, weights=False, statistics=steps.statistics)

    return [
        *run_recorders(writer, steps, network),
        *([InputWait(steps.device, steps.finish)] if options.profile else []),
        EpochLog(),
        *options.observers,
    ]


def _say_how_to_go_on(run: Run) -> None:
    command = f"imgrec train --resume {printable(shlex.quote(str(run.path)))}"
    log.info("stopped; `%s` resumes %s", command, newest_place(run.state) or START)


def train(
    experiment: Experiment,
    *,
    runs_dir: Path,
    device: str = "auto",
    options: TrainingOptions = DEFAULT_OPTIONS,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train an experiment in a new run below `runs_dir`, and evaluate its best model.

    Nothing is written before the images are read and the model is built. Raises
    ConfigError, DataError or RunError for what is wrong with the config, the images or the run's
    folder.
    """
    progress, began = progress or Silent(), Moment.now()
    check_place(runs_dir)
    experiment = with_backbone_run(experiment, runs_dir)
    _check_weights(experiment.model)
    prepared = prepare(experiment, progress)
    warn_of_known_images(prepared)
    if experiment.model.head is not None:
        head_photos(prepared)  # raises DataError before the network is built
    measurement = measure_preprocessing(prepared, progress)
    statistics = measurement.statistics if measurement else None
    devices = start_reproducibly(prepared, device)
    log_precision(experiment.training.precision, devices)
    classes = len(prepared.splits.classes)
    steps = build_steps(experiment, classes, devices, weights=True, statistics=statistics)
    computing = computing_facts(experiment.training.precision, devices)
    transferred = backbone_run(experiment)
    card = new_card(prepared, statistics, computing, summarize(steps.model), transferred)
    folder = new_run_folder(runs_dir, experiment.name, options)
    log.info("run: %s", folder)
    with (
        RunWriter(folder) as writer,
        tracked(writer, experiment.tracking) as tracking,
        recorded_session(writer, experiment, began, devices) as session,
    ):
        write_beginning(writer, prepared, options.notes)
        record_check(writer, prepared.findings)
        if measurement:
            write_mean_image(writer, measurement)
        writer.begin(card)
        recorded = options.with_first(session, tracking)
        return run_training(prepared, writer, steps, TrainingProgress(), progress, recorded)
