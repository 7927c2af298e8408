"""The list of runs, as cells of a table and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from imgrec.metrics import METRICS, format_value
from imgrec.rounding import decimals, duration, percent, percent_number, short, size_in_words
from imgrec.runs.settings import Setting, short_keys
from imgrec.runs.summary import RunSummary, Value, changed_settings
from imgrec.text import abridge, count_of, csv_cell, printable, shorten_names

DEFAULT_COLUMNS = ("name", "created", "accuracy", "data", "time", "tags", "changes")
"""What a list shows if no columns are named."""

CSV_COLUMNS = (
    *("name", "created", "complete", "accuracy", "accuracy.low", "accuracy.high"),
    *("data", "seconds", "tags", "changes"),
)
"""The same as CSV, in which a cell is one value."""

MORE_COLUMNS = ("changes", "time")
"""Columns besides the names of what a run has."""

Previous: TypeAlias = Mapping[str, RunSummary]

_CHANGES = 4
_NARROW, _NARROW_SENTENCE = 12, 24
_SENTENCES = ("changes", "error", "note")
_SHORTENED = (*_SENTENCES, "data", "name", "tags", "origin")
_LEFT_OUT = ("created", "data", "tags", "time")


def cells(
    runs: Sequence[RunSummary], columns: Sequence[str], before: Previous
) -> list[tuple[str, ...]]:
    """Return the cells of each run, as text for people; before: as `predecessors` returns it."""
    return [tuple(_cell(run, column, before) for column in columns) for run in runs]


def fitted(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return a table that is at most `width` characters wide, if at all possible.

    The least important columns are left out until the others have room, of which two stay in any
    case. Long texts are shortened; names and the like lose their middle and stay different from
    each other.
    """
    columns = {title: [*column] for title, *column in zip(header, *rows, strict=True)}
    for title in (*_LEFT_OUT, *reversed(header)):
        if len(columns) > 2 and _width(columns, least=True) > width:
            columns.pop(title, None)
    for title in (each for each in _SHORTENED if each in columns):
        rest = {each: column for each, column in columns.items() if each != title}
        room = max(width - _width(rest) - 2, _least(title, columns[title]))
        if title in _SENTENCES:
            columns[title] = [_cut(text, room) for text in columns[title]]
        else:
            columns[title] = [*shorten_names(columns[title], room)]
    return [*columns], [*zip(*columns.values(), strict=True)]


def runs_csv(runs: Sequence[RunSummary], columns: Sequence[str], before: Previous) -> str:
    """Return the runs as CSV, numbers with all their digits; before: as for `cells`."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    for run in runs:
        values = (_raw(run, column, before) for column in columns)
        rows.writerow([csv_cell(each) if isinstance(each, str) else each for each in values])
    return text.getvalue()


def changes_text(run: RunSummary, before: Previous, most: int = _CHANGES) -> str:
    """Return what a run has different from the one of the same experiment before it."""
    if run.name not in before:
        return ""
    old = before[run.name]
    changed = changed_settings(old, run)
    names = short_keys(tuple(changed))
    parts = [f"{names[key]} {_shown(one)} -> {_shown(two)}" for key, (one, two) in changed.items()]
    if old.fingerprint and run.fingerprint and old.fingerprint != run.fingerprint:
        parts.append("other images")
    more = len(parts) - most
    return ", ".join(parts[:most]) + (f" and {more:,} more" if more > 0 else "")


def _cell(run: RunSummary, column: str, before: Previous) -> str:
    if run.error and column not in ("name", "error"):
        return ""
    if column == "changes":
        return changes_text(run, before)
    return _TEXTS[column](run) if column in _TEXTS else _text(column, run.value(column))


def _text(column: str, value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _number(column, value)
        case tuple():
            return ", ".join(value)
        case _:
            return value


def _number(column: str, value: float) -> str:
    if (metric := column.partition(".")[0]) in METRICS:
        return format_value(metric, value)
    if column in ("model_bytes", "peak_memory"):
        return size_in_words(int(value))
    return f"{value:,}" if isinstance(value, int) else short(value)


def _accuracy(run: RunSummary) -> str:
    """Return the accuracy with its interval, or why there is none."""
    found = run.metrics.get("accuracy")
    if found is not None and found.value is not None and run.complete:
        if found.low is None or found.high is None:
            return percent(found.value)
        low, high = percent_number(found.low), percent_number(found.high)
        return f"{percent(found.value)} ({low} to {high})"
    if run.kind in ("imported", "calibrated"):
        of = f" from {run.origin}" if run.kind == "calibrated" else ""
        return f"{run.kind}{of}" if run.complete else f"{run.kind}, unfinished"
    best = f"{run.best['monitor']} {decimals(run.best['value'])}" if run.best else ""
    if run.complete:
        return best or "not measured"
    epochs = count_of(run.epochs, "epoch") if run.epochs else ""
    return ", ".join(filter(None, ("unfinished", epochs, best)))


def _time(run: RunSummary) -> str:
    return "" if run.seconds is None else duration(run.seconds)


_TEXTS: Mapping[str, Callable[[RunSummary], str]] = {
    "accuracy": _accuracy,
    "created": lambda run: run.created[:16].replace("T", " "),
    "ended": lambda run: run.ended[:16].replace("T", " "),
    "time": _time,
    "seconds": _time,
    "cpu_seconds": lambda run: "" if run.cpu_seconds is None else duration(run.cpu_seconds),
    "commit": lambda run: run.commit[:10],
}


def _raw(run: RunSummary, column: str, before: Previous) -> Value:
    if column == "changes":
        return changes_text(run, before, most=1_000)
    value = run.value("seconds" if column == "time" else column)
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, tuple) else value


def _shown(value: Setting) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return printable(abridge(f"{value:g}" if isinstance(value, float) else str(value), 40))


def _width(columns: Mapping[str, Sequence[str]], *, least: bool = False) -> int:
    width = _least if least else _longest
    return sum(width(title, column) + 2 for title, column in columns.items()) - 2


def _least(title: str, column: Sequence[str]) -> int:
    """Return how narrow a column may become."""
    longest = _longest(title, column)
    if title not in _SHORTENED:
        return longest
    return min(longest, max(_NARROW_SENTENCE if title in _SENTENCES else _NARROW, len(title)))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _longest(title: str, column: Sequence[str]) -> int:
    return max(map(len, (title, *column)))
