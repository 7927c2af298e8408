"""The page of a board."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, NamedTuple, TypeAlias

from markupsafe import Markup

from imgrec.evaluation.importance import FEWEST_RUNS, Importance, importance, is_number
from imgrec.json_documents import json_line
from imgrec.metrics import METRICS, is_proportion
from imgrec.report import templates
from imgrec.rounding import decimals, duration, percent
from imgrec.runs.settings import short_keys
from imgrec.runs.summary import MetricSummary, RunSummary
from imgrec.text import count_of, printable

Unit = Literal["percent", "decimal", "seconds", "bytes", "count", "moment", "text", "number"]
Group = Literal["metric", "validation", "cost", "setting", "fact"]

_SCRIPTS = ("elements", "numbers", "runs", "charts", "views", "tables", "main")
_POINTS = 200
_MOST_SETTINGS = 60
_MOST_CURVES = 12
_DIGITS = 5
_SECTIONS = ("training", "model", "augmentation", "preprocessing", "data")
_IMAGE_SIZE = "data.image_size"
_NOT_LEARNED = ("seed", "name")
_COSTS: Mapping[str, tuple[str, Unit]] = {
    "seconds": ("time", "seconds"),
    "weights": ("parameters", "count"),
    "multiply_adds": ("multiply-adds", "count"),
    "model_bytes": ("file size", "bytes"),
    "cpu_seconds": ("processor time", "seconds"),
    "peak_memory": ("peak memory", "bytes"),
}
_FACTS: Mapping[str, tuple[str, Unit]] = {
    "created": ("created", "moment"),
    "experiment": ("experiment", "text"),
    "kind": ("kind", "text"),
    "data": ("data", "text"),
    "epochs": ("epochs trained", "count"),
    "host": ("host", "text"),
    "commit": ("commit", "text"),
}


class BoardRun(NamedTuple):
    """A run on the board: its summary, and what its training measured, a value for each epoch.

    state: why it is not complete, in a word.
    """

    summary: RunSummary
    history: Mapping[str, Sequence[float]] = {}
    state: str = "unfinished"


Facts: TypeAlias = Sequence[tuple[str, Sequence[str]]]
"""Names, each with one line of text or more."""


@dataclass(frozen=True)
class _Column:
    """What is known of each run: a value, and for a metric its interval."""

    key: str
    label: str
    group: Group
    unit: Unit
    better: Literal["high", "low", ""]
    values: Sequence[Any]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


def board_page(
    runs: Sequence[BoardRun],
    *,
    title: str = "",
    of: str = "",
    facts: Facts = (),
    metric: str = "",
) -> str:
    """Return the page of some runs.

    Args:
        runs: At least one.
        title: By default the number of runs.
        of: What the runs are, for the line below the title, such as `runs, where complete`.
        facts: What is known of all of them.
        metric: The metric, or the name of what was validated, by which runs are ranked at first;
            by default the accuracy, else the first one there is.
    """
    summaries = [run.summary for run in runs]
    columns = [*_columns(summaries)]
    ranked = _ranked_by(columns, metric)
    found = _importance(columns, ranked)
    folder = resources.files("imgrec.report.board")
    script = "\n".join(folder.joinpath(f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    return templates.template("board.html.j2").render(
        title=title or count_of(len(runs), "run"),
        of=of,
        facts=facts,
        cards=[*_cards(summaries, ranked)],
        script=Markup(script),  # noqa: S704 - a file of imgrec
        script_hash=_hash(script),
        data=Markup(_data(runs, columns, ranked, found)),  # noqa: S704 - escaped by _data
    )


def _data(
    runs: Sequence[BoardRun],
    columns: Sequence[_Column],
    ranked: _Column | None,
    found: Importance | None,
) -> str:
    """Return the data of the page as JSON that can't end the element that it is in."""
    document = {
        "names": [printable(run.summary.name) for run in runs],
        "tags": [list(run.summary.tags) for run in runs],
        "notes": [printable(run.summary.note) for run in runs],
        "unfinished": ["" if run.summary.complete else run.state for run in runs],
        "columns": columns,
        "ranked": ranked.key if ranked else "",
        "curves": _curves(runs),
        "every": [_every(run) for run in runs],
        "fewest_runs": FEWEST_RUNS,
        "importance": found,
    }
    text = json_line(document)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _columns(runs: Sequence[RunSummary]) -> Iterator[_Column]:
    for name, metric in METRICS.items():
        found = [run.metrics.get(name, MetricSummary(None)) for run in runs]
        if any(each.value is not None for each in found):
            yield _Column(
                name,
                metric.in_words,
                "metric",
                "percent" if is_proportion(name) else "decimal",
                "low" if metric.lower_is_better else "high",
                [_rounded(each.value) for each in found],
                [_rounded(each.low) for each in found],
                [_rounded(each.high) for each in found],
            )
    for name in dict.fromkeys(name for run in runs for name in run.logs):
        values = [_rounded(run.logs.get(name)) for run in runs]
        yield _Column(name, name, "validation", "decimal", _better(name), values)
    yield from _known(runs, _COSTS, "cost", "low")
    yield from _known(runs, _FACTS, "fact", "")
    yield from _settings(runs)


def _known(
    runs: Sequence[RunSummary],
    names: Mapping[str, tuple[str, Unit]],
    group: Group,
    better: Literal["low", ""],
) -> Iterator[_Column]:
    """Yield those of the columns of which a run has a value."""
    for name, (label, unit) in names.items():
        found = [_shown(run.value(name)) for run in runs]
        if any(each is not None for each in found):
            yield _Column(name, label, group, unit, better, found)


def _settings(runs: Sequence[RunSummary]) -> Iterator[_Column]:
    """Yield the settings that differ between runs; of very many, the ones that most runs have."""
    found = dict.fromkeys(key for run in runs for key in run.settings)
    keys = sorted(found, key=_section)
    columns = {key: [run.settings.get(key) for run in runs] for key in keys if key != "name"}
    varying = {key: each for key, each in columns.items() if len({*map(repr, each)}) > 1}
    chosen = sorted(varying, key=lambda key: varying[key].count(None))[:_MOST_SETTINGS]
    labels = short_keys(tuple(key for key in varying if key in chosen))
    for key, label in labels.items():
        numeric = all(is_number(each) for each in varying[key] if each is not None)
        unit: Unit = "number" if numeric else "text"
        values = [_size(each) if key == _IMAGE_SIZE else _shown(each) for each in varying[key]]
        yield _Column(key, label, "setting", unit, "", values)


def _size(value: Any) -> Any:
    """Return the setting `[150, 150]` as `150x150`."""
    return printable(value.strip("[]").replace(", ", "x")) if isinstance(value, str) else value


def _section(key: str) -> int:
    name = key.partition(".")[0]
    return _SECTIONS.index(name) if name in _SECTIONS else len(_SECTIONS)


def _better(name: str) -> Literal["high", "low", ""]:
    return "low" if any(word in name for word in ("loss", "error", "entropy")) else "high"


def _ranked_by(columns: Sequence[_Column], wanted: str) -> _Column | None:
    known = {each.key: each for each in columns if each.group in ("metric", "validation")}
    for name in (wanted, "accuracy"):
        if name in known:
            return known[name]
    return next(iter(known.values()), None)


def _importance(columns: Sequence[_Column], ranked: _Column | None) -> Importance | None:
    if ranked is None:
        return None
    settings = {
        each.key: each.values
        for each in columns
        if each.group == "setting" and each.key not in _NOT_LEARNED
    }
    return importance(settings, ranked.values)


def _cards(runs: Sequence[RunSummary], ranked: _Column | None) -> Iterator[tuple[str, str, str]]:
    """Yield the title, the value and a remark of each card at the top."""
    complete = sum(run.complete for run in runs)
    yield "runs", f"{len(runs):,}", f"{complete:,} complete"
    if ranked is not None:
        measured = [row for row, value in enumerate(ranked.values) if value is not None]
        choose: Callable[..., int] = min if ranked.better == "low" else max
        best = choose(measured, key=lambda row: ranked.values[row])
        yield f"best {ranked.label}", _value(ranked, best), printable(runs[best].name)
        middle = sorted(measured, key=lambda row: ranked.values[row])[(len(measured) - 1) // 2]
        number = count_of(len(measured), "run")
        yield f"median {ranked.label}", _value(ranked, middle), f"of {number}"
    seconds = [run.seconds for run in runs if run.seconds]
    if seconds:
        yield "time of all", duration(sum(seconds)), f"{duration(sum(seconds) / len(seconds))} each"


def _value(column: _Column, row: int) -> str:
    value = column.values[row]
    return percent(value) if column.unit == "percent" else decimals(value)


def _curves(runs: Sequence[BoardRun]) -> dict[str, list[list[float | None]]]:
    """Return for each name what each run measured, at most 200 values: see `_every`."""
    names = dict.fromkeys(name for run in runs for name in run.history)
    useful = [name for name in names if name not in ("seconds", "images_per_second", "epoch")]
    useful.sort(key=lambda name: not name.startswith("val_"))
    return {
        name: [[*map(_rounded, run.history.get(name, ())[:: _every(run)])] for run in runs]
        for name in useful[:_MOST_CURVES]
    }


def _every(run: BoardRun) -> int:
    """Return how many epochs there are from one value of a run's curves to the next."""
    epochs = max(map(len, run.history.values()), default=0)
    return max(-(-epochs // _POINTS), 1)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    return _rounded(value) if isinstance(value, float) else value


def _rounded(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def _hash(script: str) -> str:
    """Return the hash by which the page's policy allows this script alone."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
