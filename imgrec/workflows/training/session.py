"""The record of a process that trains a run: who called it, where, and what it took."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from imgrec.config.experiment import Experiment
from imgrec.errors import RunError, Terminated
from imgrec.files import reason_of
from imgrec.json_documents import json_text
from imgrec.models.backend import Devices
from imgrec.models.processor import processor_name
from imgrec.runs.folder import PATCH_FILE
from imgrec.runs.provenance import (
    PROVENANCE_FILE,
    EpochCost,
    Host,
    Outcome,
    Provenance,
    Repository,
    Session,
    read_provenance,
)
from imgrec.runs.writer import RunWriter, utc_now
from imgrec.text import printable
from imgrec.training.observers import EpochEnd, TrainingBegin, TrainingObserver
from imgrec.workflows.training.repository import repository_state

_HIDDEN = "***"
_CALLED = r"(?:password|passwd|secret|token|api[-_]?key|access[-_]?key|credential)s?"
_NAMED = re.compile(rf"(?i)^(.*{_CALLED}[\w-]*\s*[=:]\s*).+", re.DOTALL)
_OPTION = re.compile(rf"(?i)--?[\w.-]*{_CALLED}[\w-]*")
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]*@")


class Moment(NamedTuple):
    """A time, and the processor time of all threads until then, in seconds.

    Example:
        >>> beginning = Moment.now()
        >>> Moment.now().since(beginning).seconds >= 0
        True
    """

    seconds: float
    cpu_seconds: float

    @classmethod
    def now(cls) -> Moment:
        """Return the current one."""
        return cls(time.monotonic(), time.process_time())

    def since(self, other: Moment) -> Moment:
        """Return what passed from another one to this one."""
        return Moment(self.seconds - other.seconds, self.cpu_seconds - other.cpu_seconds)


class SessionRecorder(TrainingObserver):
    """Writes into provenance.json what the training took, after each epoch and at its end."""

    def __init__(
        self, writer: RunWriter, before: Sequence[Session], session: Session, began: Moment
    ) -> None:
        self._writer, self._before, self._session = writer, before, session
        self._began = self._epoch = began

    def begin(self, event: TrainingBegin) -> None:
        """Note when the first epoch begins."""
        self._epoch = Moment.now()

    def epoch(self, event: EpochEnd) -> None:
        """Add the epoch."""
        now = Moment.now()
        cost = EpochCost(event.epoch, *now.since(self._epoch), peak_memory())
        self._epoch = now
        self.write("running", epochs=(*self._session.epochs, cost))

    def write(self, outcome: Outcome, **changes: Any) -> None:
        """Write the session as it is now."""
        spent = Moment.now().since(self._began)
        self._session = dataclasses.replace(
            self._session,
            outcome=outcome,
            seconds=spent.seconds,
            cpu_seconds=spent.cpu_seconds,
            peak_memory=peak_memory(),
            **changes,
        )
        document = Provenance(1, (*self._before, self._session))
        self._writer.write_text(PROVENANCE_FILE, json_text(document))


@contextlib.contextmanager
def recorded_session(
    writer: RunWriter, experiment: Experiment, began: Moment, devices: Devices | None = None
) -> Iterator[SessionRecorder]:
    """Record the process that trains a run until the context ends; those before it stay recorded.

    Args:
        writer: Of the run.
        experiment: Whose config may lie in a Git repository.
        began: When the training began in this process, with the reading of the images.
        devices: What it is trained on; None without TensorFlow.

    Raises:
        RunError: provenance.json is damaged, or can't be written.
    """
    before = _recorded(writer.folder)
    repository = _repository(writer, experiment, len(before))
    gpus = devices.names if devices is not None and devices.kind == "gpu" else ()
    session = Session(
        started=utc_now(),
        command=without_secrets(_command()),
        folder=_working_directory(),
        host=_host(gpus),
        repository=repository,
        outcome="running",
        seconds=0.0,
        cpu_seconds=0.0,
        peak_memory=0,
    )
    recorder = SessionRecorder(writer, before, session, began)
    recorder.write("running")
    try:
        yield recorder
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | Terminated)
        # What ended the training matters more than a disk that is full.
        with contextlib.suppress(RunError, OSError):
            recorder.write("interrupted" if stopped else "failed")
        raise
    recorder.write("finished")


def without_secrets(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return a command line without passwords, tokens and keys, as far as their names show them.

    Example:
        >>> without_secrets(["--api-key", "x1", "token=x2", "https://me:x3@host/", "photos"])
        ('--api-key', '***', 'token=***', 'https://***@host/', 'photos')
    """
    found: list[str] = []
    for each in arguments:
        secret = bool(found) and _OPTION.fullmatch(found[-1]) is not None
        shown = _NAMED.sub(rf"\g<1>{_HIDDEN}", each)
        found.append(_HIDDEN if secret else _IN_ADDRESS.sub(f"{_HIDDEN}@", shown))
    return tuple(found)


def peak_memory() -> int:
    """Return the most bytes of memory that this process has had; 0 if that is not known."""
    try:
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    import psutil

    usage = psutil.Process().memory_info()
    return int(getattr(usage, "peak_wset", usage.rss))


def _command() -> list[str]:
    program, *arguments = sys.orig_argv if sys.argv[0] in ("", "-c", "-m") else sys.argv
    path = Path(program)
    # `python -m imgrec` is the same command.
    return [path.parent.name if path.name == "__main__.py" else path.name, *arguments]


def _host(gpus: Sequence[str]) -> Host:
    import psutil

    return Host(
        name=socket.gethostname(),
        system=platform.platform(),
        processor=processor_name(),
        cores=os.cpu_count() or 1,
        memory=int(psutil.virtual_memory().total),
        gpus=tuple(gpus),
        load=_load(),
    )


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows, some containers
        return None


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return ""


def _repository(writer: RunWriter, experiment: Experiment, number: int) -> Repository | None:
    """Return the state of the repository with the config; write its patch into the run."""
    config = Path(experiment.source)
    state = repository_state(config.parent) if config.is_file() else None
    if state is None:
        return None
    if not state.patch:
        return state.repository
    name = f"{Path(PATCH_FILE).stem}-{number + 1}.patch" if number else PATCH_FILE
    writer.write_bytes(name, state.patch)
    return dataclasses.replace(state.repository, patch=name)


def _recorded(folder: Path) -> tuple[Session, ...]:
    try:
        found = read_provenance(folder)
    except (OSError, ValueError) as error:
        path = printable(str(folder / PROVENANCE_FILE))
        raise RunError(
            f"{path} can't be read: {reason_of(error)}", hint="remove the file"
        ) from error
    return () if found is None else found.sessions
