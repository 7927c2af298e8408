"""The end of a sweep: one of its trials is trained with new seeds, and tested once."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from imgrec.config.load import dump
from imgrec.errors import RunError, UsageError
from imgrec.evaluation.ensemble import mean_scores
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.pooling import pool_seeds
from imgrec.evaluation.results import MetricValue
from imgrec.files import (
    MAX_DOCUMENT_BYTES,
    read_regular,
    reason_of,
    write_bytes_atomically,
    writing,
)
from imgrec.json_documents import from_builtins, json_text, parse_json
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import CONFIG_FILE, Run
from imgrec.runs.repeats import find_members
from imgrec.runs.repeats_file import (
    REPEATS_FILE,
    PooledMetric,
    Repeats,
    write_repeats,
)
from imgrec.text import printable
from imgrec.workflows import training
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate_request
from imgrec.workflows.sweep.folder import SweepFolder
from imgrec.workflows.sweep.storage import Trial
from imgrec.workflows.sweep.trials import trial_experiment
from imgrec.workflows.sweep.winner import Winner, find_winner
from imgrec.workflows.test_looks import note_recorded_look

_RESULT = "finish.json"

log = logging.getLogger("imgrec")


class Finished(Struct, frozen=True):
    """What `imgrec sweep finish` prints, and finish.json of a sweep contains."""

    schema_version: Literal[1]
    name: str
    trial: Annotated[int, Meta(description="The trial whose values were trained again.")]
    values: Annotated[Mapping[str, Any], Meta(description="The values of the keys in it.")]
    path: Annotated[str, Meta(description="The folder of the new runs, one for each seed.")]
    split: Annotated[
        Literal["test"] | None,
        Meta(description="What the new runs were evaluated on; null if there are no test images."),
    ]
    images: Annotated[int, Meta(description="How many test images there are.")]
    test_looks: Annotated[
        int | None, Meta(description="How often the test images were looked at; null if not known.")
    ]
    metrics: Annotated[
        Mapping[str, PooledMetric],
        Meta(description="What the new runs reach on them; empty without any."),
    ]
    mean: Annotated[
        Mapping[str, MetricValue],
        Meta(description="What the mean of the new runs reaches, as one model; likewise."),
    ]


def finish_sweep(
    folder: SweepFolder,
    trials: Sequence[Trial],
    *,
    number: int | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> tuple[Winner, Finished]:
    """Train a trial's values with new seeds, and look at the test images once.

    A sweep that is finished is not evaluated again: what was found is returned. Without test
    images, nothing is measured: the validation images have chosen the trial.

    Args:
        folder: The sweep.
        trials: Its trials.
        number: The trial; None for the cheapest of those that can't be told from the best.
        device: Where to train.
        progress: Where progress is reported.

    Raises:
        UsageError: There is no such complete trial, or another one was chosen before.
        RunError: No trial is complete, or a run can't be trained or read.
    """
    winner = find_winner(folder, trials)
    trial = _chosen(folder, trials, winner.cheapest if number is None else number)
    if (found := _read(folder)) is not None:
        if number not in (None, found.trial):
            raise _other_trial(folder, found.trial)
        _warn_untested(found)
        return winner, found
    runs = _train(folder, trial, device=device, progress=progress or Silent())
    finished = _tested(folder, trial, runs, progress or Silent())
    write_bytes_atomically(folder.path / _RESULT, json_text(finished).encode())
    _warn_untested(finished)
    return winner, finished


def _chosen(folder: SweepFolder, trials: Sequence[Trial], number: int) -> Trial:
    for trial in trials:
        if (trial.number, trial.state) == (number, "complete"):
            return trial
    raise UsageError(
        f"there is no complete trial {number}",
        hint=f"`imgrec sweep show {printable(folder.name)}` lists them",
    )


def _train(
    folder: SweepFolder, trial: Trial, *, device: str, progress: Progress
) -> tuple[Run, ...]:
    """Return the runs of a trial's values with new seeds, which are trained or continued."""
    experiment = trial_experiment(folder.experiment, trial)
    exact = experiment.model.head is not None  # no seed changes it
    count = 1 if exact else folder.sweep.seeds
    experiments = training.seed_experiments(experiment, count, first=1)
    with writing(folder.finalists):
        folder.finalists.mkdir(exist_ok=True)
    config = folder.finalists / CONFIG_FILE
    if config.exists() and config.read_text("utf-8") != dump(experiment):
        raise _other_trial(folder, None)
    write_bytes_atomically(config, dump(experiment).encode())
    if not (folder.finalists / REPEATS_FILE).exists():
        repeats = Repeats(1, "seeds", tuple(experiments), quick=folder.document.quick)
        write_repeats(folder.finalists, repeats)
    options = training.TrainingOptions(judged_on="validation")
    training.train_members(folder.finalists, experiments, options, device=device, progress=progress)
    return find_members(str(folder.finalists), folder.path)


def _tested(folder: SweepFolder, trial: Trial, runs: Sequence[Run], progress: Progress) -> Finished:
    """Return what the runs reach on the test images, nothing if there are none."""
    untested = Finished(
        schema_version=1,
        name=folder.name,
        trial=trial.number,
        values=trial.values,
        path=str(folder.finalists),
        split=None,
        images=0,
        test_looks=None,
        metrics={},
        mean={},
    )
    if "test" not in runs[0].card.data:
        return untested
    top_k = folder.experiment.evaluation.top_k
    looks = note_recorded_look(folder.path.parents[1], runs[0])
    wanted = EvaluationRequest(ImageChoice(split="test"), runs_dir=folder.path)
    scores = [each.scores for each in evaluate_request(runs, wanted, progress=progress)]
    return replace(
        untested,
        split="test",
        images=len(scores[0].names),
        test_looks=looks,
        metrics=training.pooled_metrics(pool_seeds(scores, top_k)),
        mean=evaluate_scores(mean_scores(scores), top_k).metrics,
    )


def _warn_untested(finished: Finished) -> None:
    if finished.split is None:
        log.warning(
            "the new runs are not tested: there are no test images, and the validation images have "
            "chosen the trial; `imgrec evaluate %s --data FOLDER` measures them on other photos",
            printable(shlex.quote(finished.path)),
        )


def _read(folder: SweepFolder) -> Finished | None:
    path = folder.path / _RESULT
    if not path.exists():
        return None
    try:
        return from_builtins(Finished, parse_json(read_regular(path, MAX_DOCUMENT_BYTES)))
    except (OSError, ValueError) as error:
        raise RunError(f"{printable(str(path))} can't be read: {reason_of(error)}") from error


def _other_trial(folder: SweepFolder, number: int | None) -> UsageError:
    which = "another trial" if number is None else f"trial {number}"
    return UsageError(
        f"{which} of {printable(folder.name)} was chosen before; a sweep is finished once",
        hint=f"remove {printable(str(folder.finalists))} and finish.json if it is to be another "
        "one; the test images are then looked at again",
    )
