"""The trials of a sweep: as a table, and while they are trained."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgrec.cli.console import Console, aligned
from imgrec.metrics import METRICS, format_value
from imgrec.rounding import duration
from imgrec.text import count_of, wrapped

if TYPE_CHECKING:
    from imgrec.workflows.sweep import SweepFolder, Trial

# With the progress of the training below them, they fit on a terminal of 24 lines.
_MOST_RUNNING, _MOST_ENDED = 4, 6


def follow_trials(
    console: Console, folder: SweepFolder, trials: Sequence[Trial], trial: Trial
) -> None:
    """Update the table above the progress display; without one, print the trial if it ended."""
    if console.pin(_best_and_newest(folder, trials)) or trial.state == "running":
        return
    from imgrec.workflows.sweep import how_far

    outcome = _outcome(folder, trials, trial)
    console.say(f"{outcome}; {how_far(folder, trials, trial)}\n{wrapped(_remark(trial))}")


def show_trials(
    console: Console, folder: SweepFolder, trials: Sequence[Trial], *, as_json: bool
) -> None:
    """Print the trials, best first."""
    from imgrec.workflows.sweep import sweep_table

    table = sweep_table(folder, trials)
    if as_json:
        return console.document(table)
    if table.trials:
        console.table(*_table(console, folder, table.trials), wrapped=console.shows_results)
    ended = sum(each.seconds is not None for each in trials)
    console.say(f"{ended:,} of {table.planned:,} trials have ended; on the validation images")
    return None


def _table(
    console: Console, folder: SweepFolder, trials: Sequence[Trial]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return a column for each key; one for all of them if the terminal is too narrow."""
    from imgrec.runs.settings import short_keys
    from imgrec.workflows.sweep import value_in_words

    metrics, keys = list(folder.sweep.directions), short_keys(tuple(folder.sweep.space))
    header = ("trial", "state", *metrics, *keys.values(), "time", "reason")
    rows = [
        (
            *_beginning(metrics, each),
            *(value_in_words(each.values[key]) for key in keys),
            _time(each),
            _reason(each),
        )
        for each in trials
    ]
    width = max(map(len, aligned(header, rows)))
    if not console.shows_results or width <= shutil.get_terminal_size().columns:
        return header, rows
    few = ("trial", "state", *metrics, "time", "values")
    return few, [(*_beginning(metrics, each), _time(each), _remark(each)) for each in trials]


def _best_and_newest(folder: SweepFolder, trials: Sequence[Trial]) -> list[str]:
    """Return a table of the best trials, those that run, and the newest one that failed."""
    from imgrec.workflows.sweep import best_first

    ordered, metrics = best_first(folder, trials), list(folder.sweep.directions)
    shown = [
        *[each for each in ordered if each.state == "complete"][:_MOST_ENDED],
        *[each for each in ordered if each.state == "running"][-_MOST_RUNNING:],
        *[each for each in trials if each.state == "failed"][-1:],
    ]
    rows = [(*_beginning(metrics, each), _time(each), _remark(each)) for each in shown]
    return aligned(("trial", "state", *metrics, "time", "values"), rows)


def _outcome(folder: SweepFolder, trials: Sequence[Trial], trial: Trial) -> str:
    """Return what became of a trial, and the best one so far."""
    from imgrec.workflows.sweep import best_first

    if trial.state == "complete":
        state = ", ".join(f"{name} {_metric(name, trial)}" for name in trial.metrics)
    elif trial.state == "pruned":
        state = f"pruned after {count_of(trial.epochs, 'epoch')}"
    else:
        state = trial.state
    best, name = best_first(folder, trials)[0], next(iter(folder.sweep.directions))
    so_far = f"; best: trial {best.number}, {_metric(name, best)}" if best.metrics else ""
    return f"trial {trial.number}: {state}{so_far}"


def _beginning(metrics: Sequence[str], trial: Trial) -> tuple[str, ...]:
    return str(trial.number), trial.state, *(_metric(name, trial) for name in metrics)


def _time(trial: Trial) -> str:
    """Return how long a trial took; of one that has not ended, how far it is."""
    if trial.seconds is not None:
        return duration(trial.seconds)
    return f"after {count_of(trial.epochs, 'epoch')}" if trial.epochs else ""


def _reason(trial: Trial) -> str:
    return trial.reason.partition("\n")[0]


def _metric(name: str, trial: Trial) -> str:
    if (value := trial.metrics.get(name)) is None:
        return ""
    return format_value(name, value) if name in METRICS else f"{value:,.0f}"


def _remark(trial: Trial) -> str:
    """Return why a trial failed, if it did, and its values."""
    from imgrec.runs.settings import short_keys
    from imgrec.workflows.sweep import value_in_words

    short = short_keys(tuple(trial.values))
    values = [f"{short[key]}={value_in_words(value)}" for key, value in trial.values.items()]
    return "  ".join([*filter(None, [_reason(trial)]), *values])
