"""Train the same experiment several times: on each fold of the images, or with several seeds."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from imgrec.config.experiment import Experiment
from imgrec.config.load import dump
from imgrec.config.variants import variant
from imgrec.errors import RunError, UsageError
from imgrec.evaluation.pooling import PooledValue, pool_folds, pool_seeds
from imgrec.files import write_bytes_atomically
from imgrec.interface import option
from imgrec.progress import Progress, Silent
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import CONFIG_FILE, Run, check_place, create
from imgrec.runs.image_list import recorded_images
from imgrec.runs.predictions import read_predictions
from imgrec.runs.repeats_file import PooledMetric, Repeats, read_repeats, write_repeats
from imgrec.scores import Scores
from imgrec.text import printable
from imgrec.workflows.prepare import fitting_splits
from imgrec.workflows.run_config import run_config
from imgrec.workflows.test_looks import note_recorded_look
from imgrec.workflows.training.conclusion import JudgedOn
from imgrec.workflows.training.continued import train_or_continue
from imgrec.workflows.training.quick import check_quick
from imgrec.workflows.training.train import DEFAULT_OPTIONS, TrainingOptions

log = logging.getLogger("imgrec")
data_log = logging.getLogger("imgrec.data")


@dataclass(frozen=True)
class TrainedRepeats:
    """A folder of runs, and what they reach together."""

    folder: Path
    repeats: Repeats


def fold_experiments(experiment: Experiment, folds: int) -> dict[str, Experiment]:
    """Return the experiment of each fold by the name of its run.

    Raises DataError if the images can't be divided.
    """
    found = {
        f"fold-{number}": variant(
            experiment,
            {"name": f"fold-{number}", "data.fold": {"number": number, "of": folds}},
        )
        for number in range(1, folds + 1)
    }
    for each in found.values():
        fitting_splits(each)
    return found


def seed_experiments(
    experiment: Experiment, seeds: int, *, first: int = 0
) -> dict[str, Experiment]:
    """Return the experiment with other seeds, by the name of its run; all have the same split.

    first: by how much the first seed is above that of the experiment.
    """
    base = experiment.seed
    split = base if experiment.data.split_seed is None else experiment.data.split_seed
    return {
        f"seed-{seed}": variant(
            experiment, {"name": f"seed-{seed}", "seed": seed, "data.split_seed": split}
        )
        for seed in range(base + first, base + first + seeds)
    }


def begin_repeats(
    experiment: Experiment,
    kind: Literal["folds", "seeds"],
    count: int,
    *,
    runs_dir: Path,
    quick: bool = False,
) -> Path:
    """Return a new folder for trainings on each of `count` folds, or with as many seeds.

    Args:
        experiment: What to train.
        kind: What differs between the trainings.
        count: How many there are.
        runs_dir: The runs folder.
        quick: Whether they are trained as by `imgrec train --quick`.

    Raises:
        UsageError: The head is solved exactly, so seeds would make no difference.
        ConfigError, RunError: As `check_quick`, with `quick`.
        DataError: The images can't be divided into folds.
        RunError: The folder can't be written.
    """
    check_place(runs_dir)
    if kind == "seeds" and experiment.model.head is not None:
        raise UsageError(
            f"{option('seeds')} makes no difference to an exact head, which no seed changes",
            hint=f"{option('folds', 5)} trains on parts of the images",
        )
    if quick:
        check_quick(experiment)
    experiments = _experiments(experiment, kind, count)
    folder = create(runs_dir, f"{experiment.name[:55]}-{kind}")
    write_bytes_atomically(folder / CONFIG_FILE, dump(experiment).encode())
    write_repeats(folder, Repeats(1, kind, tuple(experiments), quick=quick))
    return folder


def train_repeats(
    folder: Path,
    *,
    device: str = "auto",
    options: TrainingOptions = DEFAULT_OPTIONS,
    progress: Progress | None = None,
) -> TrainedRepeats:
    """Train what is not complete yet in a folder of `begin_repeats`, and pool the results.

    A model of seeds is evaluated on the test images, or else the validation images; one of folds
    on the fold that is held out. Raises as `train` and `resume`.
    """
    repeats = read_repeats(folder)
    experiments = _experiments(run_config(folder), repeats.kind, len(repeats.members))
    if tuple(experiments) != repeats.members:
        raise RunError(
            f"{printable(str(folder))} has other runs than its config says",
            hint="`imgrec sweep finish SWEEP` continues the finalists of a sweep",
        )
    tested = fitting_splits(next(iter(experiments.values()))).test
    judged_on: JudgedOn = "fold" if tested else "validation"
    options = dataclasses.replace(options, judged_on=judged_on)
    train_members(folder, experiments, options, device=device, progress=progress or Silent())
    pooled = _pooled(folder, repeats)
    if pooled.split == "test" and not repeats.metrics:  # else they were looked at before
        first = folder / pooled.members[0]
        looks = note_recorded_look(folder.parent, Run(first, read_card(first)))
        pooled = replace(pooled, test_looks=looks)
    write_repeats(folder, pooled)
    return TrainedRepeats(folder, pooled)


def _experiments(
    experiment: Experiment, kind: Literal["folds", "seeds"], count: int
) -> dict[str, Experiment]:
    if kind == "folds":
        return fold_experiments(experiment, count)
    return seed_experiments(experiment, count)


def train_members(
    folder: Path,
    experiments: Mapping[str, Experiment],
    options: TrainingOptions,
    *,
    device: str,
    progress: Progress,
) -> None:
    """Train the runs of a folder that are not complete yet."""
    quick = read_repeats(folder).quick
    with said_once():
        for name, experiment in experiments.items():
            log.info("%s", name)
            train_or_continue(
                experiment,
                dataclasses.replace(options, folder=folder / name),
                quick=quick,
                device=device,
                progress=progress,
            )


@contextlib.contextmanager
def said_once() -> Iterator[None]:
    """Log in the context once what is said of the images, the same in trainings on the same ones.

    What is said of a training is logged each time: two may end in the same way.
    """
    seen: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        before = len(seen)
        seen.add(record.getMessage())
        return len(seen) > before

    data_log.addFilter(is_new)
    try:
        yield
    finally:
        data_log.removeFilter(is_new)


def _pooled(folder: Path, repeats: Repeats) -> Repeats:
    """Return what the runs of a folder reach together."""
    runs = [folder / name for name in repeats.members]
    scores = [read_predictions(run) for run in runs]
    top_k = run_config(runs[0]).evaluation.top_k
    values = pool_folds(scores, top_k) if repeats.kind == "folds" else pool_seeds(scores, top_k)
    split = "folds" if repeats.kind == "folds" else _split(runs, scores)
    return replace(
        repeats, images=_images(repeats, scores), split=split, metrics=pooled_metrics(values)
    )


def _split(runs: Sequence[Path], scores: Sequence[Scores]) -> str:
    """Return which images the models of seeds were evaluated on."""
    tested = recorded_images(runs[0]).get("test", {})
    return "test" if set(scores[0].names) <= set(tested) else "validation"


def _images(repeats: Repeats, scores: Sequence[Scores]) -> int:
    counts = [len(each.names) for each in scores]
    return sum(counts) if repeats.kind == "folds" else counts[0]


def pooled_metrics(values: Mapping[str, PooledValue]) -> dict[str, PooledMetric]:
    """Return pooled values in the form of documents."""
    import numpy as np

    return {
        name: PooledMetric(
            found.value,
            found.low,
            found.high,
            float(np.std(runs, ddof=1)) if len(runs) > 1 else 0.0,
            runs,
        )
        for name, (found, runs) in values.items()
    }
