"""The epochs in a run's files, with the time at which each one ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from imgrec.runs.folder import Run
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.runs.provenance import Outcome, read_provenance


class Epoch(NamedTuple):
    """An epoch from 1, when it ended (in seconds since 1970), and what it measured."""

    number: int
    moment: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Epochs:
    """The epochs of a run, and how its training ended in the last process.

    The times are those of a training without a break, so they are always the same.
    """

    began: float
    history: Mapping[str, Sequence[float]]
    outcome: Outcome

    def after(self, number: int) -> Iterator[Epoch]:
        """Yield the epochs after one."""
        moment = self.began
        for place, values in enumerate(zip(*self.history.values(), strict=True), 1):
            measured = dict(zip(self.history, values, strict=True))
            moment += measured.get("seconds", 0.0)
            if place > number:
                yield Epoch(place, moment, measured)


def read_epochs(run: Run) -> Epochs:
    """Return the epochs of a run; none if it has no history, as an exact head.

    Raises:
        OSError, ValueError: A file can't be read.
    """
    try:
        history = read_history(run.path / HISTORY_FILE)
    except FileNotFoundError:
        history = {}
    provenance = read_provenance(run.path)
    sessions = () if provenance is None else provenance.sessions
    outcome = sessions[-1].outcome if sessions else "finished"
    return Epochs(seconds(run.card.created), history, outcome)


def seconds(moment: str) -> float:
    """Return a time of a card, ISO 8601, in seconds since 1970."""
    return dt.datetime.fromisoformat(moment).timestamp()


def milliseconds(moment: str) -> int:
    """Return a time of a card, ISO 8601, in milliseconds since 1970."""
    return round(1000 * seconds(moment))
