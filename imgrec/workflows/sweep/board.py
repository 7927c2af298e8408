"""The result of a sweep in words, and as a page with all its trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from imgrec.evaluation.results import MetricValue
from imgrec.metrics import METRICS, format_value
from imgrec.report.wording import format_bounds
from imgrec.rounding import size_in_words
from imgrec.runs.index import read_summaries
from imgrec.text import count_of
from imgrec.workflows.board import board_runs, write_board
from imgrec.workflows.sweep.folder import SweepFolder, trials_of
from imgrec.workflows.sweep.ranking import value_in_words
from imgrec.workflows.sweep.storage import Trial
from imgrec.workflows.sweep.winner import Winner


def write_sweep_board(
    folder: SweepFolder, trials: Sequence[Trial], winner: Winner, output: Path
) -> None:
    """Write the page of `imgrec runs report` with the trials of a sweep, and what it found.

    Args:
        folder: The sweep.
        trials: Its trials.
        winner: What `find_winner` found.
        output: The HTML file.

    Raises:
        RunError: The file can't be written.
    """
    states = {folder.run_of(each.number).name: each.state for each in trials}
    write_board(
        board_runs(read_summaries(folder.trials), folder.trials, states),
        output,
        title=f"Sweep {folder.name}",
        of=f"in {folder.path}, {len(trials):,} of {count_of(trials_of(folder), 'trial')}",
        facts=[*found_in_words(winner)],
        metric=winner.metric,
    )


def found_in_words(winner: Winner) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield what a sweep found, as names with one line of text or more."""
    images = count_of(winner.images, "validation image")
    yield f"best of {count_of(winner.trials, 'complete trial')}", (f"trial {winner.best}",)
    yield f"{winner.metric} on {images}", (_shown(winner.metric, winner.measured),)
    if winner.corrected is None or winner.tied is None:
        reason = f"not possible: {winner.metric} is not a mean over images"
        yield "corrected for having been chosen", (reason,)
    else:
        corrected = _shown(winner.metric, winner.corrected)
        yield "corrected for having been chosen", (corrected,)
        yield "not significantly worse", (_numbers(winner.tied),)
    size = size_in_words(winner.model_bytes[winner.cheapest])
    values = (f"{key}: {value_in_words(value)}" for key, value in winner.values.items())
    yield "smallest model among these", (f"trial {winner.cheapest}, {size}", *values)
    if winner.pruned:
        yield "pruned", (_numbers(winner.pruned),)
    if winner.failed:
        reasons = (f"trial {number}: {reason}" for number, reason in winner.failed.items())
        yield "failed", (_numbers([*winner.failed]), *reasons)


def _shown(metric: str, value: MetricValue) -> str:
    if metric not in METRICS:
        return f"{value.value:,.0f}"
    bounds = format_bounds(metric, value)
    return format_value(metric, value.value) + (f" ({bounds})" if bounds else "")


def _numbers(trials: Sequence[int]) -> str:
    if not trials:
        return "no other trial"
    return f"{count_of(len(trials), 'trial')} ({', '.join(map(str, trials))})"
