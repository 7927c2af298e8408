"""Train in a given folder, or continue the training that a process left there."""

from __future__ import annotations

import shutil

from imgrec.config.experiment import Experiment
from imgrec.files import writing
from imgrec.models.backend import import_tensorflow
from imgrec.progress import Progress
from imgrec.runs.card_file import CARD_FILE, read_card
from imgrec.runs.folder import Run
from imgrec.training.checkpoint import newest_place
from imgrec.workflows.training.quick import train_quick
from imgrec.workflows.training.resume import resume
from imgrec.workflows.training.train import TrainingOptions, train


def train_or_continue(
    experiment: Experiment,
    options: TrainingOptions,
    *,
    quick: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> None:
    """Train until the run in `options.folder` is complete; nothing is done if it is.

    The training is resumed from its newest checkpoint. Without one it begins again.

    Args:
        experiment: What to train.
        options: Its folder, and more.
        quick: Whether it is trained as by `imgrec train --quick`.
        device: Where it is trained.
        progress: Where progress is reported.
    """
    if (path := options.folder) is None:
        raise ValueError("the options name no folder")
    if not quick:
        _forget_networks()
    if (path / CARD_FILE).is_file():
        run = Run(path, read_card(path))
        if run.card.complete:
            return
        if newest_place(run.state) is not None:
            resume(run, device=device, options=options, progress=progress)
            return
    if path.exists():
        with writing(path):
            shutil.rmtree(path)
    if quick:
        train_quick(experiment, runs_dir=path.parent, options=options, progress=progress)
    else:
        train(experiment, runs_dir=path.parent, device=device, options=options, progress=progress)


def _forget_networks() -> None:
    """Free what Keras holds of earlier trainings in this process."""
    import_tensorflow()
    import keras

    keras.backend.clear_session()
