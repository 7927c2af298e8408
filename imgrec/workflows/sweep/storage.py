"""The trials of a sweep in Optuna's storage: a journal in its folder, or a database."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from imgrec.errors import RunError, UsageError
from imgrec.files import reason_of, writing
from imgrec.text import printable
from imgrec.workflows.sweep.folder import SweepFolder
from imgrec.workflows.sweep.search import import_optuna, is_pruned, propose, values_of

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

log = logging.getLogger("imgrec")

State = Literal["running", "interrupted", "complete", "pruned", "failed"]
_STATES: Mapping[str, State] = {
    "RUNNING": "running",
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
}
_REASON, _STOPPED, _STARTS, _SECONDS = "reason", "stopped", "starts", "seconds"
_LIBRARIES = ("optuna", "sqlalchemy", "psycopg")
_PASSWORD = re.compile(r"(?<=:)[^/@:]+(?=@)")


@dataclass(frozen=True)
class Trial:
    """A trial of a sweep.

    Args:
        number: From 0, as in Optuna.
        values: Those of the keys of the space.
        state: Where it stands.
        metrics: What was measured, by the names of `sweep.metric`; empty unless it is complete.
        epochs: After how many epochs a value was reported.
        reason: Why it failed; empty if it did not.
        seconds: How long processes worked on it, until the last epoch of those that were killed;
            None before it has ended.
        starts: How often a process has begun or continued it.
    """

    number: int
    values: Mapping[str, Any]
    state: State
    metrics: Mapping[str, float]
    epochs: int
    reason: str
    seconds: float | None
    starts: int


class SweepStorage:
    """The trials of a sweep, as all its workers see them.

    Args:
        folder: The sweep.
        address: That of the storage with its password, if it is a database and needs one.

    Raises:
        RunError: It can't be reached, or does not contain the sweep.
    """

    def __init__(self, folder: SweepFolder, address: str | None = None) -> None:
        self._folder = folder
        self._counted: float | None = None  # until when the time of the trial here is counted
        stored = folder.document.storage
        if address is not None and without_password(address) != stored:
            known = stored or "the journal in its folder"
            raise UsageError(
                f"the storage of the sweep {printable(folder.name)} is {known}",
                hint="leave out --storage" if not stored else f"use --storage {stored}",
            )
        self._storage: BaseStorage = (
            open_database(address or stored) if stored else _journal(folder)
        )
        with _reported(stored):
            self._study = self._found()

    def _found(self) -> int:
        """Return the id of the study, which is created if the sweep has not begun yet."""
        name, optuna = self._folder.document.study, import_optuna()
        with contextlib.suppress(KeyError):  # also in a folder that can only be read
            return self._storage.get_study_id_from_name(name)
        directions = [f"{each}imize" for each in self._folder.sweep.directions.values()]
        with self._folder.locked():
            optuna.create_study(
                storage=self._storage, study_name=name, directions=directions, load_if_exists=True
            )
        return self._storage.get_study_id_from_name(name)

    def trials(self) -> tuple[Trial, ...]:
        """Return all trials, by number."""
        return tuple(self._trial(each) for each in self._frozen())

    def observed(self) -> tuple[Trial, ...]:
        """Return all trials; one whose worker was killed is interrupted, unless it can't be told.

        The system has released the lock of such a trial.
        """
        free = set()
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(RunError):  # a folder that can only be read
                stack.enter_context(self._folder.locked())  # so that no worker claims it meanwhile
                for each in self.trials():
                    if each.state != "running":
                        continue
                    if (lock := self._folder.try_trial(each.number, new=False)) is not None:
                        lock.release()
                        free.add(each.number)
            return tuple(
                replace(each, state="interrupted")
                if each.number in free and each.state == "running"
                else each
                for each in self.trials()  # again, as it may just have ended
            )

    def begin(self) -> Trial:
        """Return a new trial; the caller holds the lock of the sweep."""
        sweep = self._folder.sweep
        new = propose(sweep, self._folder.experiment.seed, self._frozen())
        trial_id = self._storage.create_new_trial(self._study, new)
        return self._trial(self._storage.get_trial(trial_id))

    def count_start(self, trial: int) -> None:
        """Note that this process begins or continues a trial."""
        number, self._counted = self._id(trial), time.monotonic()
        starts = int(self._storage.get_trial(number).user_attrs.get(_STARTS, 0))
        self._storage.set_trial_user_attr(number, _STARTS, starts + 1)

    def report(self, trial: int, epoch: int, value: float) -> bool:
        """Note the value of a trial after an epoch, higher is better; return whether to stop it."""
        number = self._id(trial)
        self._storage.set_trial_intermediate_value(number, epoch, self._sign * value)
        self._count_time(number)
        if self._folder.sweep.prune == "none":
            return False
        curves = {each.number: self._curve(each) for each in self._frozen()}
        own = curves.pop(trial)
        return is_pruned(list(curves.values()), own, epoch)

    def complete(self, trial: int, metrics: Mapping[str, float]) -> None:
        """End a trial with what was measured."""
        values = [metrics[name] for name in self._folder.sweep.directions]
        self._end(trial, "COMPLETE", values)

    def prune(self, trial: int) -> None:
        """End a trial that is stopped early, with its last value."""
        found = self._storage.get_trial(self._id(trial))
        self._end(trial, "PRUNED", [found.intermediate_values[max(found.intermediate_values)]])

    def fail(self, trial: int, reason: str) -> None:
        """End a trial that failed."""
        self._storage.set_trial_user_attr(self._id(trial), _REASON, reason[:500])
        self._end(trial, "FAIL", None)

    @property
    def stopped(self) -> bool:
        """Whether workers begin no new trials."""
        return bool(self._storage.get_study_user_attrs(self._study).get(_STOPPED, False))

    @stopped.setter
    def stopped(self, value: bool) -> None:
        self._storage.set_study_user_attr(self._study, _STOPPED, value)

    @property
    def _sign(self) -> int:
        """What values after an epoch are multiplied by, as Optuna compares them with results."""
        return 1 if next(iter(self._folder.sweep.directions.values())) == "max" else -1

    def _curve(self, trial: FrozenTrial) -> dict[int, float]:
        return {epoch: self._sign * value for epoch, value in trial.intermediate_values.items()}

    def _frozen(self) -> list[FrozenTrial]:
        return self._storage.get_all_trials(self._study, deepcopy=False)

    def _id(self, trial: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study, trial)

    def _count_time(self, number: int) -> None:
        """Add the time since it was last counted to that of a trial, which has this id."""
        if self._counted is None:
            return
        before, self._counted = self._counted, time.monotonic()
        known = float(self._storage.get_trial(number).user_attrs.get(_SECONDS, 0.0))
        seconds = round(known + self._counted - before, 3)
        self._storage.set_trial_user_attr(number, _SECONDS, seconds)

    def _end(self, trial: int, state: str, values: list[float] | None) -> None:
        states, number = import_optuna().trial.TrialState, self._id(trial)
        self._count_time(number)
        self._counted = None
        self._storage.set_trial_state_values(number, states[state], values)

    def _trial(self, found: FrozenTrial) -> Trial:
        state, sweep = _STATES[found.state.name], self._folder.sweep
        measured = found.values if state == "complete" else []
        return Trial(
            number=found.number,
            values=values_of(sweep.space, found),
            state=state,
            metrics=dict(zip(sweep.directions, measured, strict=False)),
            epochs=len(found.intermediate_values),
            reason=str(found.user_attrs.get(_REASON, "")),
            seconds=None if state == "running" else float(found.user_attrs.get(_SECONDS, 0.0)),
            starts=int(found.user_attrs.get(_STARTS, 0)),
        )


def open_database(address: str) -> BaseStorage:
    """Return the storage at the address of a database; raises RunError if it can't be opened."""
    optuna = import_optuna()
    with _reported(without_password(address)):
        for seconds in (1, 2, 0):
            try:
                storage: BaseStorage = optuna.storages.get_storage(address)
                break
            except Exception as error:
                # Of workers that start at once, one creates the tables, and the others fail.
                if not seconds or type(error).__name__ == "OperationalError":  # not reached
                    raise
                time.sleep(seconds)
    return storage


def without_password(address: str) -> str:
    """Return the address of a database without the password in it."""
    return _PASSWORD.sub("", address).replace(":@", "@")


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what Optuna and the drivers of databases raise in the context into a RunError."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _LIBRARIES:
            raise
        raise RunError(
            f"the storage of the sweep can't be used: {_first_line(error)}",
            hint="`imgrec sweep resume SWEEP` continues it once it can",
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(reason_of(error).strip().splitlines()), type(error).__name__)


@contextlib.contextmanager
def _reported(address: str) -> Iterator[None]:
    """Turn what a storage raises while it is opened into a RunError."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:  # a database driver raises nearly anything
        where = printable(address) or "the journal of the sweep"
        raise RunError(
            f"{where} can't be opened: {_first_line(error)}",
            hint="check that it is there, and that its address and password are right",
        ) from error


def _journal(folder: SweepFolder) -> BaseStorage:
    """Return the storage of a journal, whose lock the system releases when its holder ends.

    Optuna's own locks of files stay if their holder is killed, and are broken after 30 seconds.
    """
    import_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path = folder.journal

    class JournalLock(JournalFileOpenLock):
        def __init__(self) -> None:
            self._lock = FileLock(path.with_suffix(".lock"))

        def acquire(self) -> bool:
            self._lock.acquire()
            _repair(path)
            return True

        def release(self) -> None:
            self._lock.release()

    class Journal(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            with writing(path):
                super().append_logs(logs)

    if not path.is_file():
        raise RunError(
            f"{printable(str(path))} is missing: it is the list of the sweep's trials",
            hint="put it back, or begin another sweep",
        )
    with _reported(""):
        return JournalStorage(Journal(str(path), lock_obj=JournalLock()))


def _repair(path: Path) -> None:
    """Remove a last line that a process could not finish before it was killed or the disk full."""
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        if not end:
            return
        file.seek(max(0, end - 1))
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
