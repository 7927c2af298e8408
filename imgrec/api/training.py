"""Check images, train on them, and evaluate what was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgrec.api.model import Model, load
from imgrec.errors import UsageError
from imgrec.rounding import percent
from imgrec.runs.folder import Run, default_runs_dir
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.runs.notes import checked_notes
from imgrec.text import count_of, printable
from imgrec.training.observers import TrainingObserver

if TYPE_CHECKING:
    from imgrec.config.experiment import Experiment
    from imgrec.evaluation.results import Evaluation
    from imgrec.workflows.check import Checked


@dataclass(frozen=True, repr=False)
class TrainedRun:
    """A complete run, as `train` returns it.

    Attributes:
        run: Its folder (`run.path`) and its card.
        evaluation: How good its best model is, on the test images, else the validation images.
    """

    run: Run
    evaluation: Evaluation

    @property
    def model(self) -> Model:
        """The best model, ready to predict."""
        return load(self.run.path)

    @property
    def history(self) -> Mapping[str, Sequence[float]]:
        """What was measured in each epoch, by name: `loss`, `val_loss`, `accuracy` and so on.

        Empty for a head that was solved exactly: there were no epochs.
        """
        return {} if self.run.card.head else read_history(self.run.path / HISTORY_FILE)

    def __repr__(self) -> str:
        accuracy = self.evaluation.metrics.get("accuracy")
        value = None if accuracy is None else accuracy.value
        shown = "" if value is None else f", accuracy {percent(value)}"
        card = self.run.card
        trained = "logistic head" if card.head else count_of(card.epochs, "epoch")
        return f"<imgrec run {printable(self.run.name)}: {trained}{shown}>"


def train(  # noqa: PLR0913 - the options of the command
    config: str | Path | Mapping[str, Any] | Experiment,
    *,
    data: str | Path | None = None,
    overrides: Sequence[str] = (),
    runs_dir: str | Path | None = None,
    device: str = "auto",
    observers: Sequence[TrainingObserver] = (),
    tags: Sequence[str] = (),
    note: str = "",
    quick: bool = False,
) -> TrainedRun:
    """Train a model in a new run, and evaluate it.

    Args:
        config: A YAML file, the name of a shipped config such as `small_cnn`, a folder of class
            folders or a data file (a config is drafted for it), a mapping with the same keys, or an
            Experiment.
        data: Where the images are, in place of the config's `data.root`.
        overrides: Changes of the config, as `training.epochs=3`; the value is read as YAML.
        runs_dir: The runs folder; None for $IMGREC_RUNS, else `runs`.
        device: `auto`, `cpu`, `gpu`, or `gpu:0,1`.
        observers: Notified of each step, epoch and checkpoint, in this order, after the run's own
            files are written: see `imgrec.TrainingObserver`.
        tags: Of the run.
        note: A text about the run.
        quick: Whether to solve a classifier on the features of EfficientNet-Lite0, in seconds and
            without TensorFlow; it needs `imgrec[weights]`.

    Returns:
        The complete run, with its evaluation and its model.

    Raises:
        imgrec.errors.UsageError: For an observer that is not an `imgrec.TrainingObserver`, a
            tag that can't be one, or a device or observers with `quick`.
        imgrec.errors.ConfigError: For a config that can't be used, with every problem found.
        imgrec.errors.DataError: For images that can't be used.
        imgrec.errors.RunError: Where the run can't be written, or the loss stops being a number.

    Example:
        >>> trained = imgrec.train("photos/")  # doctest: +SKIP
        >>> trained.model.predict("photo.jpg")  # doctest: +SKIP
        photo.jpg: cat 98.2 %, dog 1.8 %
    """
    from imgrec.workflows import training

    for observer in observers:
        if not isinstance(observer, TrainingObserver):
            raise UsageError(
                f"{printable(repr(observer))} is not an imgrec.TrainingObserver",
                hint="pass instances of a subclass, such as observers=[Losses()]",
            )
    if quick and (observers or device != "auto"):
        raise UsageError("quick computes on the CPU, without epochs: no device and no observers")
    changes = (*(training.QUICK if quick else ()), *_rooted(data), *overrides)
    experiment = _experiment(config, changes)
    folder = default_runs_dir() if runs_dir is None else Path(runs_dir)
    options = training.TrainingOptions(observers=tuple(observers), notes=checked_notes(tags, note))
    if quick:
        result = training.train_quick(experiment, runs_dir=folder, options=options)
    else:
        result = training.train(experiment, runs_dir=folder, device=device, options=options)
    return TrainedRun(result.run, result.evaluation)


def evaluate(
    run: str | Path = "last",
    data: str | Path | None = None,
    *,
    split: str | None = None,
    slices: Sequence[str] = (),
    allow_leakage: bool = False,
    runs_dir: str | Path | None = None,
) -> Evaluation:
    """Return how good a run's model is on images whose classes are known.

    Args:
        run: A folder, a name below the runs folder, or `last`.
        data: What `imgrec evaluate --data` reads; None for the run's own images.
        split: `train`, `validation` or `test`; None for test, else validation.
        slices: As `evaluation.slices` of a config; each slice is also evaluated separately.
        allow_leakage: Whether images that the model was trained on may be among those of `data`.
        runs_dir: The runs folder; None for $IMGREC_RUNS, else `runs`.

    Raises:
        imgrec.errors.RunError: Where there is no such run, or it can't be used.
        imgrec.errors.DataError: For images that can't be used.
        imgrec.errors.UsageError: Where there is no such split.

    Example:
        >>> imgrec.evaluate("last", "photos/").metrics["accuracy"].value  # doctest: +SKIP
        0.9217877094972067
    """
    model = load(run, runs_dir=runs_dir)
    return model.evaluate(data, split=split, slices=slices, allow_leakage=allow_leakage)


def check(data: str | Path, *, quarantine: str | Path | None = None) -> Checked:
    """Look for what is wrong with images before training on them; nothing heavy is loaded.

    Args:
        data: A folder of class folders, of split folders or of images; a data file; a YAML config
            or the name of a shipped one.
        quarantine: A new or empty folder that files which can't be read are moved to.

    Returns:
        What was checked; `findings` has what was found.

    Raises:
        imgrec.errors.DataError: Where there are no images.
        imgrec.errors.UsageError: Where `quarantine` is inside the data or holds something.

    Example:
        >>> imgrec.check("photos/").findings.bad  # doctest: +SKIP
        0
    """
    from imgrec.workflows.check import check as check_data

    return check_data(str(data), quarantine=None if quarantine is None else Path(quarantine))


def _experiment(
    config: str | Path | Mapping[str, Any] | Experiment, overrides: Sequence[str]
) -> Experiment:
    from imgrec.config.load import dump, load_mapping, parse
    from imgrec.workflows.experiment_argument import experiment_of

    if isinstance(config, Mapping):
        return load_mapping(config, overrides)
    if not isinstance(config, str | Path):
        return parse(dump(config), config.name, overrides) if overrides else config
    experiment, _ = experiment_of(str(config), overrides)
    return experiment


def _rooted(data: str | Path | None) -> tuple[str, ...]:
    import json

    return () if data is None else (f"data.root={json.dumps(str(data))}",)
