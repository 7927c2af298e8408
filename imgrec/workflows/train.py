"""Training in a new run."""

from __future__ import annotations

import logging
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.models.backbone import check_there
from imgrec.progress import Progress, Silent
from imgrec.runs.card_file import write_card
from imgrec.runs.folder import Run, check_place, create
from imgrec.runs.lock import locked
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.steps import Steps, computing
from imgrec.workflows.check import record_check
from imgrec.workflows.prepare import prepare
from imgrec.workflows.run_files import new_card, write_beginning
from imgrec.workflows.run_training import TrainingResult, run_training, start_reproducibly
from imgrec.workflows.statistics import measured, write_mean_image

log = logging.getLogger("imgrec")


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
    devices = start_reproducibly(experiment, device)
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
        return run_training(prepared, run, steps, begun, progress, profile=profile)
