"""The folder of a sweep: its config, its trials' runs, its locks, and where Optuna's storage is."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from msgspec import Struct

from imgrec.config.experiment import Experiment
from imgrec.config.load import dump, parse
from imgrec.config.sweep import Sweep
from imgrec.errors import ConfigError, RunError, UsageError
from imgrec.files import (
    MAX_DOCUMENT_BYTES,
    cannot_write,
    read_regular,
    reason_of,
    write_bytes_atomically,
)
from imgrec.json_documents import from_builtins, json_text, parse_json
from imgrec.runs.folder import check_name, check_place
from imgrec.text import join_few, nearest, printable
from imgrec.workflows.training import config_differences

SWEEPS = "sweeps"
_VERSION: Literal[1] = 1
_SWEEP_FILE, _CONFIG_FILE, _LOCK = "sweep.json", "config.yaml", "sweep.lock"


class SweepDocument(Struct, frozen=True):
    """What sweep.json contains.

    study: the name in Optuna's storage. storage: its address without a password; empty if it is
    the journal in the folder. quick: whether trials are trained as by `imgrec train --quick`.
    """

    schema_version: Literal[1]
    study: str
    created: str
    storage: str
    quick: bool


@dataclass(frozen=True)
class SweepFolder:
    """A sweep that has begun.

    path: its folder. experiment: its config, with the section `sweep`.
    """

    path: Path
    document: SweepDocument
    experiment: Experiment

    @property
    def name(self) -> str:
        """The folder's name, by which the sweep is found."""
        return self.path.name

    @property
    def sweep(self) -> Sweep:
        """The section `sweep` of the config."""
        return section_of(self.experiment)

    @property
    def trials(self) -> Path:
        """The folder of the trials' runs."""
        return self.path / "trials"

    @property
    def journal(self) -> Path:
        """The file of Optuna's journal, if that is the storage."""
        return self.path / "journal.log"

    @property
    def finalists(self) -> Path:
        """The folder of the runs with new seeds that `imgrec sweep finish` trains."""
        return self.path / "finalists"

    def run_of(self, trial: int) -> Path:
        """Return the folder of a trial's run."""
        return self.trials / f"trial-{trial}"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the sweep, under which trials are handed out."""
        with _waiting_lock(self.path / _LOCK):
            yield

    def try_trial(self, trial: int, *, new: bool) -> FileLock | None:
        """Return the lock of a trial, acquired, or None if a process holds it.

        The system releases it when that process ends, however it ends. Without `new`, a trial
        whose lock has no file here belongs to a worker with another folder, and is left to it.
        """
        path = self.trials / f"trial-{trial}.lock"
        if not (new or path.exists()):
            return None
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        except OSError as error:
            raise cannot_write(path, error) from error
        return lock


def section_of(experiment: Experiment) -> Sweep:
    """Return the section `sweep` of a config; raises ConfigError without one."""
    if experiment.sweep is None:
        message = "is missing: it says which keys to vary"
        raise experiment.problem(("sweep",), message)
    return experiment.sweep


def trials_of(folder: SweepFolder) -> int:
    """Return how many trials a sweep has in the end."""
    sweep = folder.sweep
    if sweep.search == "grid" and sweep.combinations is not None:
        return min(sweep.trials, sweep.combinations)
    return sweep.trials


def sweep_path(runs_dir: Path, name: str) -> Path:
    """Return where the sweep called `name` is, or would be; raises UsageError for a bad name."""
    check_name(name)
    return runs_dir / SWEEPS / name


def begin_sweep(
    path: Path, experiment: Experiment, *, storage: str, quick: bool, join: bool = False
) -> SweepFolder | None:
    """Create the folder of a new sweep; return None if there is one already that is joined.

    Args:
        path: The folder.
        experiment: Its config.
        storage: The address of the storage without a password; empty for the journal.
        quick: As in SweepDocument.
        join: Whether there may be a sweep already.

    Raises:
        UsageError: There is a sweep already, and `join` is false.
        RunError: It can't be written.
    """
    check_place(path.parent)
    created = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    study = f"{path.name} {created}"
    document = SweepDocument(_VERSION, study, created, storage, quick)
    found = SweepFolder(path, document, experiment)
    try:
        found.trials.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error
    with found.locked():
        if (path / _SWEEP_FILE).exists():
            if join:
                return None
            shown = printable(path.name)
            raise UsageError(
                f"there is a sweep {shown} already",
                hint=f"`imgrec sweep resume {shown}` continues it; another one needs --name",
            )
        write_bytes_atomically(path / _CONFIG_FILE, dump(experiment).encode())
        if not storage:
            found.journal.touch()
        write_bytes_atomically(path / _SWEEP_FILE, json_text(document).encode())
    return found


def open_sweep(path: Path) -> SweepFolder:
    """Return the sweep in a folder.

    Raises RunError if there is none, or one that can't be read.
    """
    if not (path / _SWEEP_FILE).is_file():
        raise _missing(path)
    shown = printable(str(path))
    try:
        content = parse_json(read_regular(path / _SWEEP_FILE, MAX_DOCUMENT_BYTES))
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != _VERSION:
            raise RunError(
                f"{shown} is a sweep of another version of imgrec: its schema_version is "
                f"{version}, and {_VERSION} is known",
                hint="use the version of imgrec that began it",
            )
        document = from_builtins(SweepDocument, content)
        text = read_regular(path / _CONFIG_FILE, MAX_DOCUMENT_BYTES)
        experiment = parse(text, str(path / _CONFIG_FILE))
        section_of(experiment)
    except (OSError, ValueError) as error:
        raise RunError(f"{shown} can't be read as a sweep: {reason_of(error)}") from error
    except ConfigError as error:
        raise RunError(error.message) from error
    return SweepFolder(path, document, experiment)


def check_same_config(folder: SweepFolder, experiment: Experiment) -> None:
    """Raise UsageError if a config is not the one that the sweep began with."""
    if dump(folder.experiment) == dump(experiment):
        return
    changed = join_few([str(each) for each in config_differences(folder.experiment, experiment)])
    shown = printable(folder.name)
    raise UsageError(
        f"the config of the sweep {shown} has changed: {changed}",
        hint=f"`imgrec sweep resume {shown}` continues it with the config it began with; "
        "a new sweep needs another --name",
    )


def _missing(path: Path) -> RunError:
    others = [each.name for each in path.parent.glob("*") if (each / _SWEEP_FILE).is_file()]
    near = nearest(path.name, others)
    hint = f"did you mean {printable(near)}?" if near else "`imgrec sweep CONFIG` begins one"
    return RunError(f"there is no sweep in {printable(str(path))}", hint=hint)


@contextlib.contextmanager
def _waiting_lock(path: Path) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire()
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        lock.release()
