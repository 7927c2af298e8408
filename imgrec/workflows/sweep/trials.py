"""Train one trial of a sweep: begin it, or continue it where a process left it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.config.sweep import MODEL_BYTES
from imgrec.config.variants import variant
from imgrec.errors import ImgrecError, RunError, UsageError, is_exhaustion
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.progress import Progress
from imgrec.runs.card import BEST_MODEL
from imgrec.runs.predictions import read_predictions
from imgrec.runtime.litert_engine import FILES
from imgrec.training.observers import EpochEnd, StopTraining, TrainingObserver
from imgrec.workflows import training
from imgrec.workflows.sweep.folder import SweepFolder
from imgrec.workflows.sweep.storage import SweepStorage, Trial

_MOST_STARTS = 20
_NO_ROOM = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.EROFS, errno.EACCES, errno.EPERM),
}


def run_trial(
    folder: SweepFolder,
    storage: SweepStorage,
    trial: Trial,
    changed: Callable[[], object],
    *,
    device: str,
    progress: Progress,
) -> None:
    """Train a trial to its end, and note its result, or why it failed.

    Args:
        folder: The sweep.
        storage: Its trials.
        trial: The trial, whose lock the caller holds.
        changed: Called after each epoch.
        device: Where to train.
        progress: Where progress is reported.

    Raises:
        RunError: The disk is full or can't be written: the trial is left to be continued.
        UsageError: It can't be continued with other versions than it began with.
    """
    if trial.starts >= _MOST_STARTS:
        storage.fail(trial.number, f"no process that began it came to its end, of {trial.starts}")
        return
    storage.count_start(trial.number)
    try:
        experiment = trial_experiment(folder.experiment, trial)
    except UsageError as error:
        storage.fail(trial.number, error.message)
        return
    try:
        reporter = _Reporter(storage, trial.number, experiment, folder, changed)
        _train(folder, reporter, experiment, device=device, progress=progress)
        storage.complete(trial.number, measure(folder, trial.number))
    except StopTraining:
        storage.prune(trial.number)
    except ImgrecError as error:
        if _without_room(error) or type(error) is UsageError:
            raise
        storage.fail(trial.number, error.message)
    except MemoryError as error:
        storage.fail(trial.number, f"the memory is too small: {error}")
    except Exception as error:
        if not is_exhaustion(error):
            raise
        storage.fail(trial.number, "the system has no more memory or threads")


def trial_experiment(experiment: Experiment, trial: Trial) -> Experiment:
    """Return the experiment of a trial; raises ConfigError for values that don't go together."""
    return variant(experiment, {"name": f"trial-{trial.number}", **trial.values})


def measure(folder: SweepFolder, trial: int) -> dict[str, float]:
    """Return what a sweep measures of a trial that is trained.

    Raises RunError if the run is damaged.
    """
    run = folder.run_of(trial)
    directions, metrics = folder.sweep.directions, {MODEL_BYTES: float(model_bytes(run))}
    if set(directions) != {MODEL_BYTES}:
        top_k = folder.experiment.evaluation.top_k
        found = evaluate_scores(read_predictions(run), top_k).metrics
        metrics |= {name: value.value for name, value in found.items()}
    if missing := [name for name in directions if name not in metrics]:
        raise RunError(f"{missing[0]} can't be computed from its validation images")
    return {name: metrics[name] for name in directions}


def model_bytes(run: Path) -> int:
    """Return the size of a run's model file: that of LiteRT, or else Keras'."""
    files = (run / FILES["float32"], run / BEST_MODEL)
    return next((file.stat().st_size for file in files if file.is_file()), 0)


def _train(
    folder: SweepFolder,
    reporter: _Reporter,
    experiment: Experiment,
    *,
    device: str,
    progress: Progress,
) -> None:
    """Train until the run is complete; raises StopTraining if the trial is pruned."""
    options = training.TrainingOptions(
        observers=(reporter,),
        folder=folder.run_of(reporter.trial),
        judged_on="validation",
    )
    training.train_or_continue(
        experiment, options, quick=folder.document.quick, device=device, progress=progress
    )


class _Reporter(TrainingObserver):
    """Notes the monitored value of each epoch in the storage, and ends a trial that is pruned."""

    def __init__(
        self,
        storage: SweepStorage,
        trial: int,
        experiment: Experiment,
        folder: SweepFolder,
        changed: Callable[[], object],
    ) -> None:
        self._storage, self.trial, self._changed = storage, trial, changed
        checkpoint = experiment.training.checkpoint
        metric = f"val_{next(iter(folder.sweep.directions))}"
        measured = experiment.training.measured
        self._name = metric if metric in measured else checkpoint.monitor
        mode = checkpoint.mode if self._name == checkpoint.monitor else "auto"
        direction = measured.get(self._name) if mode == "auto" else mode
        self._sign = -1 if direction == "min" else 1

    def epoch(self, event: EpochEnd) -> None:
        """Note the best value so far."""
        best = max(self._sign * value for value in event.history[self._name])
        stops = self._storage.report(self.trial, event.epoch, best)
        self._changed()
        if stops:
            raise StopTraining


def _without_room(error: BaseException | None) -> bool:
    """Return whether an error comes from a disk that is full or can't be written."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__ or error.__context__
    return False
