"""The trials of a sweep in order, and how long the others take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.workflows.sweep.folder import SweepFolder, trials_of
from imgrec.workflows.sweep.storage import Trial


class SweepTable(Struct, frozen=True):
    """What `imgrec sweep` and `imgrec sweep show` print."""

    schema_version: Literal[1]
    name: str
    path: Annotated[str, Meta(description="The folder of the sweep.")]
    planned: Annotated[int, Meta(description="How many trials there will be.")]
    trials: Annotated[tuple[Trial, ...], Meta(description="The trials so far, best first.")]


_ORDER = ("complete", "running", "pruned", "failed")


def best_first(folder: SweepFolder, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Return the trials by the first metric, best first; then running, pruned and failed ones."""
    name, direction = next(iter(folder.sweep.directions.items()))
    sign = -1 if direction == "max" else 1

    def rank(trial: Trial) -> tuple[int, float, int]:
        return _ORDER.index(trial.state), sign * trial.metrics.get(name, 0.0), trial.number

    return tuple(sorted(trials, key=rank))


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Return each key with the shortest end of it that no other key has.

    Example:
        >>> short_keys(["model.layers[1].Dense.units", "data.fit"])
        {'model.layers[1].Dense.units': 'units', 'data.fit': 'fit'}
    """
    ends = {key: [key.split(".")[-count:] for count in range(1, 20)] for key in keys}
    return {
        key: next(
            ".".join(end)
            for end in ends[key]
            if end == key.split(".") or sum(end in ends[each] for each in keys) == 1
        )
        for key in keys
    }


def time_left(folder: SweepFolder, trials: Sequence[Trial]) -> float | None:
    """Return in how many seconds the sweep will be finished with as many workers as now.

    None if no trial has ended, or all have.
    """
    took = [each.seconds for each in trials if each.seconds is not None]
    running = sum(each.state == "running" for each in trials)
    left = trials_of(folder) - len(took)
    if not took or not left:
        return None
    return sum(took) / len(took) * left / max(1, running)


def sweep_table(folder: SweepFolder, trials: Sequence[Trial]) -> SweepTable:
    """Return the trials so far as a document."""
    planned, ordered = trials_of(folder), best_first(folder, trials)
    return SweepTable(1, folder.name, str(folder.path), planned, ordered)
