"""`imgrec runs report`."""

from __future__ import annotations

from pathlib import Path

import click

from imgrec.cli import options
from imgrec.cli.run_list import where
from imgrec.text import printable

_PAGE = "board.html"


@options.command("report")
@where
@click.option(
    "--metric",
    metavar="NAME",
    help="Rank the runs by this metric, or by val_loss and the like.  [default: accuracy]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=_PAGE,
    show_default=True,
    help="HTML file to write.",
)
@options.runs_dir
def report(
    *,
    condition: str | None,
    metric: str | None,
    output: Path,
    runs_dir: Path,
) -> None:
    """Write a page about many runs: table, learning curves, settings, costs.

    The page has a sortable table, learning curves, parallel coordinates, the Pareto front of cost
    and result, the importance of the settings, and the differences between runs. It is one file,
    and loads nothing from the network.

    Example: imgrec runs report --where "complete" --output board.html
    """
    from imgrec.files import check_suffix, check_writable
    from imgrec.runs.index import read_summaries
    from imgrec.runs.query import RunQuery, select
    from imgrec.workflows.board import board_runs, write_board

    check_suffix(output, (".html",))
    check_writable(output)
    chosen = select(read_summaries(runs_dir), RunQuery(condition, names=[metric] if metric else []))
    of = f"in {printable(str(runs_dir))}" + (f", where {condition}" if condition else "")
    write_board(board_runs(chosen, runs_dir), output, of=of, metric=metric or "")
