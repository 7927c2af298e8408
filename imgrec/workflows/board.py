"""The board: many runs on one page."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from imgrec.errors import RunError
from imgrec.files import write_text
from imgrec.report.board import BoardRun, board_page
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.runs.summary import RunSummary
from imgrec.text import count_of, printable

log = logging.getLogger("imgrec")

MOST_RUNS = 5_000
"""On one page, which browsers still show fluently."""


def write_board(
    runs: Sequence[RunSummary],
    runs_dir: Path,
    output: Path,
    *,
    of: str = "",
    notes: Sequence[str] = (),
    metric: str = "",
) -> None:
    """Write a page with a table and charts of some runs, which loads nothing from the network.

    Args:
        runs: The runs, without those that can't be read.
        runs_dir: The folder that contains them, with what each epoch measured.
        output: The HTML file.
        of: What the runs are, for the line below the title.
        notes: Remarks, a paragraph each.
        metric: The metric by which they are ranked at first; by default the accuracy.

    Raises:
        RunError: There are no runs, or more than 5,000, or the file can't be written.
    """
    readable = [run for run in runs if not run.error]
    if not readable:
        raise RunError(
            f"there are no runs {printable(of or f'in {runs_dir}')}",
            hint="`imgrec runs list` shows the runs",
        )
    if len(readable) > MOST_RUNS:
        raise RunError(
            f"{count_of(len(readable), 'run')} are too many for a page of {MOST_RUNS:,}",
            hint="choose some with --where",
        )
    found = [BoardRun(run, _history(runs_dir / run.name)) for run in readable]
    write_text(output, board_page(found, of=of, notes=notes, metric=metric))
    log.info("report: %s", output)


def _history(folder: Path) -> dict[str, list[float]]:
    try:
        return read_history(folder / HISTORY_FILE)
    except (OSError, ValueError, LookupError):
        return {}
