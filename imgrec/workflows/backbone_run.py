"""The run that a new one takes its backbone from."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.errors import RunError
from imgrec.interface import setting
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run, find
from imgrec.runs.image_list import recorded_identities
from imgrec.runtime.keras_engine import keras_file
from imgrec.text import count_of, printable
from imgrec.workflows.prepare import Prepared

log = logging.getLogger("imgrec.data")

_KEY = "model.backbone.run"


def with_backbone_run(experiment: Experiment, runs_dir: Path) -> Experiment:
    """Return the experiment with the absolute path of its backbone run, if it has one.

    Args:
        experiment: Its backbone may name a run as commands do.
        runs_dir: The runs folder.

    Raises:
        RunError: There is no such run, it is not complete, or it has no usable Keras file.
        ConfigError: It takes images with another number of channels.
    """
    backbone = experiment.model.backbone
    if backbone is None or backbone.run is None:
        return experiment
    try:
        run = _usable(backbone.run, runs_dir)
    except RunError as error:
        hint = f"{error.hint}; or use another run: {setting(_KEY, 'RUN')}"
        raise RunError(f"{_KEY}: {error.message}", hint=hint) from error
    channels = run.card.input.channels
    if channels != experiment.data.channels:
        message = f"must be {channels}, as for the backbone run {printable(run.name)}"
        raise experiment.problem(("data", "channels"), message)
    _warn_of_other_pixels(run, experiment)
    located = backbone.model_copy(update={"run": str(run.path.resolve())})
    model = experiment.model.model_copy(update={"backbone": located})
    return experiment.model_copy(update={"model": model})


def backbone_run(experiment: Experiment) -> Run | None:
    """Return the backbone run of an experiment from `with_backbone_run`; None if it has none."""
    backbone = experiment.model.backbone
    if backbone is None or backbone.run is None:
        return None
    path = Path(backbone.run)
    return Run(path, read_card(path))


def warn_of_known_images(prepared: Prepared) -> None:
    """Log how many images that judge the new run the backbone run was trained on."""
    run = backbone_run(prepared.experiment)
    if run is None or not run.card.lists_images:
        return
    listed = recorded_identities(run.path)
    known = {content for (split, _), (_, content) in listed.items() if split == "train"}
    judging = (*prepared.splits.validation, *prepared.splits.test)
    seen = sum(prepared.identities[each.name] in known for each in judging)
    if seen:
        log.warning(
            "the backbone run %s was trained on %s of validation and test: results on them are "
            "too good",
            printable(run.name),
            count_of(seen, "image"),
        )


def _warn_of_other_pixels(run: Run, experiment: Experiment) -> None:
    """Log how the preparation of images differs from that for the backbone run."""
    before, data = run.card.input, experiment.data
    given: dict[str, tuple[object, object]] = {
        "image_size": ([*data.image_size], [before.height, before.width]),
        "fit": (data.fit, before.fit),
        "interpolation": (data.interpolation, before.interpolation),
    }
    lines = [f"data.{key}: {now}, not {then}" for key, (now, then) in given.items() if now != then]
    if lines:
        first = f"images are not prepared as for the backbone run {printable(run.name)}:"
        log.warning("%s", "\n  ".join([first, *lines]))


def _usable(reference: str, runs_dir: Path) -> Run:
    run = find(reference, runs_dir)
    if not run.card.complete:
        raise RunError(
            f"{printable(run.name)} is not complete",
            hint=f"`imgrec train --resume {printable(shlex.quote(str(run.path)))}` continues it",
        )
    keras_file(run)
    return run
