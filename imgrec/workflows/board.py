"""The board: many runs on one page."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgrec.errors import RunError
from imgrec.files import write_text
from imgrec.report.board import BoardRun, Facts, board_page
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.runs.summary import RunSummary
from imgrec.text import count_of, printable

log = logging.getLogger("imgrec")

MOST_RUNS = 5_000
"""On one page, which browsers still show fluently."""


def board_runs(
    runs: Sequence[RunSummary], runs_dir: Path, states: Mapping[str, str] | None = None
) -> list[BoardRun]:
    """Return runs with what each of their epochs measured, without those that can't be read.

    Args:
        runs: The runs.
        runs_dir: The folder that contains them.
        states: Why runs are not complete, in a word, by their names; else they are `unfinished`.
    """
    readable = [run for run in runs if not run.error]
    known = states or {}
    return [
        BoardRun(run, _history(runs_dir / run.name), known.get(run.name, "unfinished"))
        for run in readable
    ]


def write_board(
    runs: Sequence[BoardRun],
    output: Path,
    *,
    title: str = "",
    of: str = "",
    facts: Facts = (),
    metric: str = "",
) -> None:
    """Write a page with a table and charts of some runs, which loads nothing from the network.

    Args:
        runs: What `board_runs` returned.
        output: The HTML file.
        title: The title; by default the number of runs.
        of: What the runs are, for the line below the title, such as `in runs`.
        facts: What is known of all of them.
        metric: The metric by which they are ranked at first; by default the accuracy.

    Raises:
        RunError: There are no runs, or more than 5,000, or the file can't be written.
    """
    if not runs:
        raise RunError(
            f"there are no runs {printable(of)}", hint="`imgrec runs list` shows the runs"
        )
    if len(runs) > MOST_RUNS:
        raise RunError(
            f"{count_of(len(runs), 'run')} are too many for a page of {MOST_RUNS:,}",
            hint="choose some with --where",
        )
    write_text(output, board_page(runs, title=title, of=of, facts=facts, metric=metric))
    log.info("report: %s", output)


def _history(folder: Path) -> dict[str, list[float]]:
    try:
        return read_history(folder / HISTORY_FILE)
    except (OSError, ValueError, LookupError):
        return {}
