"""Work on a sweep: hand out trials under its lock, train them, until there are no more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imgrec.config.experiment import Experiment
from imgrec.config.variants import check_space
from imgrec.errors import DataError, RunError
from imgrec.interface import setting
from imgrec.progress import Progress, Silent, Task
from imgrec.text import count_of, printable
from imgrec.workflows.prepare import fitting_splits
from imgrec.workflows.sweep.folder import (
    SweepFolder,
    begin_sweep,
    check_same_config,
    open_sweep,
    section_of,
    sweep_path,
    trials_of,
)
from imgrec.workflows.sweep.ranking import how_far
from imgrec.workflows.sweep.search import import_optuna
from imgrec.workflows.sweep.storage import (
    SweepStorage,
    Trial,
    open_database,
    storage_errors,
    without_password,
)
from imgrec.workflows.sweep.trials import run_trial
from imgrec.workflows.training import check_quick, said_once

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger("imgrec")

Notify = Callable[[SweepFolder, Sequence[Trial], Trial], None]
"""Called when a trial begins, after each of its epochs and when it has ended.

It gets the sweep, all trials so far, and this one.
"""


def start_sweep(
    experiment: Experiment,
    *,
    runs_dir: Path,
    join: bool = False,
    storage: str | None = None,
    quick: bool = False,
) -> tuple[SweepFolder, SweepStorage]:
    """Begin the sweep of a config, or join it; everything is checked before the first trial.

    Args:
        experiment: The config, with a section `sweep`.
        runs_dir: The runs folder.
        join: Whether the sweep may have begun already.
        storage: The address of a database, instead of a journal in the sweep's folder.
        quick: Train each trial as by `imgrec train --quick`.

    Raises:
        ConfigError: There is no such section, or its space or `quick` does not fit the config.
        UsageError: The sweep has begun already, or its config was another one.
        DataError: The images can't be used, or there are none for validation.
        RunError: Optuna or, with `quick`, the weights are not installed, or the folder or the
            storage can't be used.
    """
    import_optuna()
    sweep, path = section_of(experiment), sweep_path(runs_dir, experiment.name)
    check_space(experiment, sweep)
    if quick:
        check_quick(experiment)
    splits = fitting_splits(experiment)
    if not splits.validation:
        raise DataError(
            "there are no validation images, by which a sweep compares its trials",
            hint=f"take some of the training images: {setting('data.split.validation', '0.2')}",
        )
    if not splits.test:
        log.warning(
            "there are no test images, and so `imgrec sweep finish` will not test the chosen "
            "trial; to set some aside: %s",
            setting("data.split.test", "0.2"),
        )
    if storage is not None:
        open_database(storage)
    known = "" if storage is None else without_password(storage)
    folder = begin_sweep(path, experiment, storage=known, quick=quick, join=join)
    if folder is None:
        folder = open_sweep(path)
        check_same_config(folder, experiment)
    return folder, SweepStorage(folder, storage)


def work(
    folder: SweepFolder,
    storage: SweepStorage,
    notify: Notify,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> None:
    """Train the trials that no other worker holds, until the sweep is finished or stopped.

    Raises RunError if too many trials in a row failed, or the storage can't be used any more.
    """
    progress = progress or Silent()
    with storage_errors(), said_once(), progress.task("sweep", None, "trials") as task:
        while (claimed := claim(folder, storage)) is not None:
            trial, lock = claimed
            changed = partial(_changed, folder, storage, trial.number, task, notify)
            changed()
            try:
                with _quiet():
                    run_trial(folder, storage, trial, changed, device=device, progress=progress)
            except RunError as error:
                resume = f"`imgrec sweep resume {printable(folder.name)}` continues the trial"
                raise RunError(error.message, hint=f"{error.hint}; {resume}") from error
            finally:
                lock.release()
            _refuse_failing(folder, changed())


def _changed(
    folder: SweepFolder, storage: SweepStorage, number: int, task: Task, notify: Notify
) -> tuple[Trial, ...]:
    """Show that a trial has changed; return all trials."""
    trials = storage.trials()
    task.advance(0, how_far(folder, trials, trials[number]))
    notify(folder, trials, trials[number])
    return trials


def claim(folder: SweepFolder, storage: SweepStorage) -> tuple[Trial, FileLock] | None:
    """Return a trial and its lock: one whose worker was killed, else a new one, else None."""
    if storage.stopped:
        return None
    with folder.locked():
        trials = storage.trials()
        for each in trials:
            if each.state != "running":
                continue
            if (lock := folder.try_trial(each.number, new=False)) is not None:
                log.info("trial %d continues", each.number)
                return each, lock
        if len(trials) >= trials_of(folder):
            return None
        lock = folder.try_trial(len(trials), new=True)
        if lock is None:
            raise RunError(
                f"another process holds the lock of trial {len(trials)}",
                hint="end it, and start this worker again",
            )
        return storage.begin(), lock


def _refuse_failing(folder: SweepFolder, trials: Sequence[Trial]) -> None:
    """Raise RunError if the last trials, as many as `sweep.max_failures`, all failed."""
    most = folder.sweep.max_failures
    last = [each for each in trials if each.state != "running"][-most:]
    if len(last) < most or any(each.state != "failed" for each in last):
        return
    reasons = "".join(f"\n  {each}" for each in dict.fromkeys(_first_line(each) for each in last))
    raise RunError(
        f"the last {count_of(most, 'trial')} failed:{reasons}",
        hint=f"fix the cause; `imgrec sweep resume {printable(folder.name)}` continues it",
    )


def _first_line(trial: Trial) -> str:
    return printable(trial.reason.partition("\n")[0])


@contextmanager
def _quiet() -> Iterator[None]:
    """Log no more of a trial's training than warnings."""
    before = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(before)
