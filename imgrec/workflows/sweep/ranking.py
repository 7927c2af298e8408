"""The trials of a sweep in order, and how long the others take."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from imgrec.rounding import duration
from imgrec.text import count_of
from imgrec.workflows.sweep.folder import SweepFolder, trials_of
from imgrec.workflows.sweep.storage import Trial


class SweepTable(Struct, frozen=True):
    """What `imgrec sweep` and `imgrec sweep show` print."""

    schema_version: Literal[1]
    name: str
    path: Annotated[str, Meta(description="The folder of the sweep.")]
    planned: Annotated[int, Meta(description="How many trials there will be.")]
    trials: Annotated[tuple[Trial, ...], Meta(description="The trials so far, best first.")]


_ORDER = ("complete", "running", "interrupted", "pruned", "failed")


def best_first(folder: SweepFolder, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Return the trials by the first metric, best first; the others by their state."""
    name, direction = next(iter(folder.sweep.directions.items()))
    sign = -1 if direction == "max" else 1

    def rank(trial: Trial) -> tuple[int, float, int]:
        return _ORDER.index(trial.state), sign * trial.metrics.get(name, 0.0), trial.number

    return tuple(sorted(trials, key=rank))


def how_far(folder: SweepFolder, trials: Sequence[Trial], changed: Trial) -> str:
    """Return how many trials have ended, and the time left: `3 of 40 trials, 12 min 05 s left`.

    A trial takes as long as the median of those that ended. The worker of the trial that changed is
    one of those that train the others.
    """
    took = [each.seconds for each in trials if each.seconds is not None]
    planned = trials_of(folder)
    text = f"{len(took):,} of {count_of(planned, 'trial')}"
    if not took or len(took) == planned:
        return text
    workers = len(trials) - len(took) + (changed.state != "running")
    seconds = statistics.median(took) * (planned - len(took)) / workers
    return f"{text}, {duration(seconds)} left"


def sweep_table(folder: SweepFolder, trials: Sequence[Trial]) -> SweepTable:
    """Return the trials so far as a document."""
    planned, ordered = trials_of(folder), best_first(folder, trials)
    return SweepTable(1, folder.name, str(folder.path), planned, ordered)


def value_in_words(value: Any) -> str:
    """Return the value of a key, as it may be written in a config.

    Example:
        >>> value_in_words(0.00123456), value_in_words(None), value_in_words({"SGD": {}})
        ('0.00123', 'null', '{"SGD": {}}')
    """
    if isinstance(value, str):
        return value
    return f"{value:.3g}" if isinstance(value, float) else json.dumps(value)
