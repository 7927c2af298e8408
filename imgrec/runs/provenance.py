"""provenance.json: what made a run, besides its config, its images and the versions on its card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.runs.document import read_document

PROVENANCE_FILE = "provenance.json"

Outcome = Literal["running", "finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Repository:
    """The state of the Git repository that a config lies in.

    commit: its hash; empty before the first one. branch: empty if there is none, as in a detached
    checkout. remote: the address of `origin`, without user name and password. changed: the tracked
    files that differ from the commit. patch: the file in the run with the differences; empty if
    there are none, or more than a megabyte. untracked: files and folders that Git neither tracks
    nor ignores. Of the files, the first hundred are listed.
    """

    commit: str
    branch: str
    remote: str
    changed: tuple[str, ...]
    patch: str
    untracked: tuple[str, ...]


@dataclass(frozen=True)
class Host:
    """The machine: name, processor, number of cores, bytes of memory, GPUs that were used.

    load: the mean number of processes that ran or waited in the minute before; None on Windows.
    """

    name: str
    system: str
    processor: str
    cores: int
    memory: int
    gpus: tuple[str, ...]
    load: float | None


@dataclass(frozen=True)
class EpochCost:
    """What an epoch took: seconds, and seconds of processor time of all threads together.

    peak_memory: the most bytes of memory that the process has had so far.
    """

    epoch: int
    seconds: float
    cpu_seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Session:
    """A process that trained a run, or resumed its training.

    started: ISO 8601 in UTC. command: what was called, without passwords and the like. folder: the
    working directory. outcome: `running` as well if the process was killed. seconds, cpu_seconds,
    peak_memory: as in `EpochCost`, from the reading of the images to the final evaluation; until
    it ends, to its last epoch.
    """

    started: str
    command: tuple[str, ...]
    folder: str
    host: Host
    repository: Repository | None
    outcome: Outcome
    seconds: float
    cpu_seconds: float
    peak_memory: int
    epochs: tuple[EpochCost, ...] = ()


class Provenance(Struct, frozen=True):
    """The processes that made a run, in their order."""

    schema_version: Annotated[Literal[1], Meta(description="Of this document.")]
    sessions: tuple[Session, ...]

    @property
    def seconds(self) -> float:
        """How long all of them took."""
        return sum(each.seconds for each in self.sessions)

    @property
    def cpu_seconds(self) -> float:
        """The processor time of all of them."""
        return sum(each.cpu_seconds for each in self.sessions)

    @property
    def peak_memory(self) -> int:
        """The most bytes of memory that one of them had."""
        return max((each.peak_memory for each in self.sessions), default=0)


def read_provenance(folder: Path) -> Provenance | None:
    """Return what made a run; None if it is not known, as for an imported run.

    Raises:
        OSError: The file can't be read.
        ValueError: It is damaged.
    """
    return read_document(folder / PROVENANCE_FILE, Provenance)
