"""Which runs of many, in which order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from imgrec.errors import UsageError
from imgrec.metrics import METRICS
from imgrec.runs.conditions import parse
from imgrec.runs.summary import IN_LIST, RunSummary, Value
from imgrec.text import did_you_mean, printable


class RunQuery(NamedTuple):
    """Which runs are wanted, in which order.

    where: a condition, see `imgrec.runs.conditions`. sort: a name, with a minus before it to
    reverse the order. names: further names, which at least one run must have.
    """

    where: str | None = None
    sort: str | None = None
    names: Sequence[str] = ()


def select(runs: Sequence[RunSummary], query: RunQuery) -> tuple[RunSummary, ...]:
    """Return the runs for which the condition is true, in the wanted order.

    Metrics are sorted from the best to the worst, others ascending; runs without a value are last.

    Raises:
        UsageError: The condition can't be parsed, or no run has what is named.
    """
    condition = parse(query.where) if query.where is not None else None
    key = (query.sort or "").removeprefix("-")
    named = [*(condition.names if condition else ()), *([key] if key else ()), *query.names]
    _check_names(named, runs)
    found = [run for run in runs if condition is None or condition.holds(run.value)]
    if not key:
        return tuple(found)
    orders = [_order(run.value(key)) for run in found]
    having = [(order, run) for order, run in zip(orders, found, strict=True) if order is not None]
    missing = [run for order, run in zip(orders, found, strict=True) if order is None]
    metric = METRICS.get(key.partition(".")[0])
    best_first = metric is not None and not metric.lower_is_better
    reverse = best_first is not (query.sort or "").startswith("-")
    having.sort(key=itemgetter(0), reverse=reverse)
    return (*(run for _, run in having), *missing)


def _check_names(names: Iterable[str], runs: Sequence[RunSummary]) -> None:
    """Raise UsageError for a name that no run has, with the nearest ones."""
    for name in names:
        metric = re.sub(r"\.(low|high)$", "", name)
        if {name, metric} & {*METRICS, *IN_LIST} or not runs:
            continue
        if not any(run.has(name) for run in runs):
            known = dict.fromkeys(key for run in runs for key in run.names())
            endings = (key[dot.end() :] for key in known for dot in re.finditer(r"\.", key))
            near = did_you_mean(name, dict.fromkeys((*METRICS, *known, *endings)))
            raise UsageError(
                f"no run has {printable(name)}{near}",
                hint="`imgrec runs list --json` shows what runs have; texts are written in quotes",
            )


def _order(value: Value) -> tuple[int, float, str] | None:
    """Return what a value is sorted by: numbers first, then texts, in which numbers count."""
    if value is None or value == ():
        return None
    if isinstance(value, int | float):
        return (0, float(value), "")
    text = ", ".join(value) if isinstance(value, tuple) else value
    return (1, 0.0, re.sub(r"\d+", lambda found: found[0].zfill(12), text))
