"""`imgrec runs list`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.errors import UsageError
from imgrec.garbage import without_collections
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.cli.documents import ListedRun, RunListDocument
    from imgrec.runs.summary import RunSummary

Function = TypeVar("Function", bound=Callable[..., Any])

_NULL_IF_EMPTY = ("error", "split", "evaluated", "data", "host", "commit", "note")


def where(function: Function) -> Function:
    """Add `--where`: a condition on runs."""
    return click.option(
        "--where",
        "condition",
        metavar="CONDITION",
        help="Only runs for which this is true, e.g. 'accuracy > 0.9 and backbone == \"VGG16\"'.",
    )(function)


@options.command("list")
@where
@click.option(
    "--sort",
    metavar="NAME",
    help="Sort by a column, a metric or a setting: metrics best first, others ascending; with a "
    "minus before the name, reversed.  [default: created]",
)
@click.option(
    "--columns",
    metavar="NAME,...",
    help="What to show of each run: columns, metrics and keys of the config.",
)
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout.")
@options.runs_dir
@click.pass_obj
@without_collections()
def list_runs(
    console: Console,
    *,
    condition: str | None,
    sort: str | None,
    columns: str | None,
    as_json: bool,
    as_csv: bool,
    runs_dir: Path,
) -> None:
    """List the runs, oldest first, and those that can't be read.

    The runs of `train --folds` or `--seeds` are one line, with their mean; --runs-dir with their
    folder lists each of them.

    `changes` is what differs from the run of the same experiment before it. Names are those of the
    columns; metrics, such as accuracy or accuracy.low; val_loss and the like, of the best epoch;
    and keys of the config, in full or from a dot on, such as learning_rate.

    Example: imgrec runs list --where "accuracy > 90 %" --sort accuracy
    """
    if as_json and (as_csv or columns):
        raise UsageError("--json has everything: it takes neither --csv nor --columns")
    from imgrec.report.run_list import (
        CSV_COLUMNS,
        DEFAULT_COLUMNS,
        MORE_COLUMNS,
        cells,
        fitted,
        runs_csv,
    )
    from imgrec.runs.index import read_summaries
    from imgrec.runs.query import RunQuery, select
    from imgrec.runs.summary import predecessors

    default = CSV_COLUMNS if as_csv else DEFAULT_COLUMNS
    chosen = _split(columns) if columns else default
    found = read_summaries(runs_dir)
    before = predecessors(found)
    shown = select(
        found, RunQuery(condition, sort, [each for each in chosen if each not in MORE_COLUMNS])
    )
    if as_json:
        return console.document(_document(shown, before, runs_dir))
    if as_csv:
        return console.result(runs_csv(shown, chosen, before))
    if not shown:
        some = " for which that is true" if found else ""
        return console.say(f"no runs in {printable(str(runs_dir))}{some}")
    if any(run.error for run in shown):
        chosen = (*chosen, "error")
    rows = cells(shown, chosen, before)
    if not console.shows_results:
        return console.table(chosen, rows)
    return console.table(*fitted(chosen, rows, shutil.get_terminal_size().columns))


def _split(columns: str) -> tuple[str, ...]:
    names = tuple(filter(None, map(str.strip, columns.split(","))))
    options.refuse_repeated(names)
    if not names:
        raise UsageError("--columns names no column")
    return names


def _document(
    runs: Sequence[RunSummary], before: Mapping[str, RunSummary], runs_dir: Path
) -> RunListDocument:
    from imgrec.cli.documents import RunListDocument

    return RunListDocument(1, tuple(_listed(run, runs_dir, before.get(run.name)) for run in runs))


def _listed(run: RunSummary, runs_dir: Path, before: RunSummary | None) -> ListedRun:
    from imgrec.cli.documents import ListedRun
    from imgrec.runs.summary import changed_settings

    path = str(runs_dir / run.name)
    if run.error:
        return ListedRun(run.name, path, error=run.error)
    names = ListedRun.__struct_fields__
    known: dict[str, Any] = {name: getattr(run, name, None) for name in names}
    known |= {name: known[name] or None for name in _NULL_IF_EMPTY}
    changes = {} if before is None else changed_settings(before, run)
    return ListedRun(**known | {"path": path, "changes": changes})
