"""Verdicts, and comparisons of models, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from imgrec.evaluation.results import (
    Assessment,
    ChangedAnswer,
    Comparison,
    Evaluation,
    RequirementResult,
)
from imgrec.metrics import format_difference, format_value
from imgrec.report.wording import (
    describe_finding,
    format_bounds,
    format_difference_bounds,
    is_informative,
    metric_title,
)
from imgrec.rounding import p_value
from imgrec.text import count_of, printable, shorten_names

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

FEW = 10
_NAME_WIDTH = 60
_STYLE = {"better": "green", "worse": "bold red", "equal": "", "inconclusive": "yellow"}


def verdicts_text(verdicts: Sequence[RequirementResult]) -> RenderableType:
    """Return a table: each requirement, whether it is met, and why."""
    from rich.console import Group
    from rich.text import Text

    table = _table(("", "required", "measured"))
    for verdict in verdicts:
        what = Text("met", "green") if verdict.met else Text("not met", "bold red")
        table.add_row(what, Text(printable(verdict.requirement)), Text(printable(verdict.reason)))
    return Group(_heading("Requirements"), table)


def comparison_text(
    assessments: Sequence[Assessment], comparisons: Sequence[Comparison]
) -> RenderableType:
    """Return the metrics side by side, then the differences of each model from the first.

    Args:
        assessments: Two or more.
        comparisons: Of each assessment, except the first, with the first, in order.
    """
    from rich.console import Group

    first = assessments[0].evaluation
    texts = (differences_text(comparison, first) for comparison in comparisons)
    return Group(_numbers(assessments), *texts)


def differences_text(comparison: Comparison, evaluation: Evaluation) -> RenderableType:
    """Return the differences of one comparison, and the images that only one model gets right.

    Args:
        comparison: Of two models.
        evaluation: Of one of the two.
    """
    from rich.console import Group

    return Group(*_differences_of(comparison, evaluation))


def _differences_of(comparison: Comparison, evaluation: Evaluation) -> Iterator[RenderableType]:
    model, baseline = printable(comparison.model), printable(comparison.baseline)
    sure = f"{100 * comparison.confidence:g} %"
    yield _heading(
        f"{model} compared with {baseline}, on the same {count_of(comparison.images, 'image')}"
    )
    yield _differences(comparison, evaluation, sure)
    yield from _flips(f"{model} gets right what {baseline} got wrong", comparison.fixed)
    yield from _flips(f"{model} gets wrong what {baseline} got right", comparison.broken)


def settings_text(runs: Sequence[str], settings: Mapping[str, Sequence[str]]) -> RenderableType:
    """Return the differences between the configs of `runs`, one row per key."""
    from rich.console import Group
    from rich.text import Text

    if not settings:
        return _heading("The configs are the same")
    table = _table(("", *shorten_names(runs, _NAME_WIDTH)))
    table.columns[0].no_wrap = True
    for key, values in settings.items():
        table.add_row(Text(printable(key)), *map(Text, shorten_names(values, _NAME_WIDTH)))
    return Group(_heading("The configs differ in"), table)


def _numbers(assessments: Sequence[Assessment]) -> Table:
    from rich.text import Text

    table = _table(("", *shorten_names([each.run for each in assessments], _NAME_WIDTH)))
    evaluations = [each.evaluation for each in assessments]
    for name in (each for each in evaluations[0].metrics if is_informative(each, evaluations[0])):
        found = [each.metrics.get(name) for each in evaluations]
        cells = (
            "" if one is None else f"{format_value(name, one.value)} ({format_bounds(name, one)})"
            for one in found
        )
        cells = (cell.removesuffix(" ()") for cell in cells)
        table.add_row(metric_title(name, evaluations[0].top_k), *map(Text, cells))
    return table


def _differences(comparison: Comparison, evaluation: Evaluation, sure: str) -> Table:
    from rich.text import Text

    table = _table(("", "difference", f"{sure} interval", ""))
    for name, each in comparison.differences.items():
        if not is_informative(name, evaluation):
            continue
        p = "" if each.p is None else f" (McNemar's exact test: {p_value(each.p)})"
        finding = Text.assemble((describe_finding(each), _STYLE[each.finding]), p)
        label = metric_title(name, evaluation.top_k)
        bounds = format_difference_bounds(name, each)
        table.add_row(label, format_difference(name, each.value), bounds, finding)
    return table


def _flips(heading: str, flips: Sequence[ChangedAnswer]) -> Iterator[RenderableType]:
    from rich.text import Text

    if not flips:
        return
    yield _heading(f"{heading}: {count_of(len(flips), 'image')}")
    table = _table(("image", "truth", "model", "baseline"))
    rows = [(each.name, each.truth, each.model, each.baseline) for each in flips[:FEW]]
    columns = (shorten_names(column, _NAME_WIDTH) for column in zip(*rows, strict=True))
    for row in zip(*columns, strict=True):
        table.add_row(*map(Text, row))
    yield table
    if len(flips) > FEW:
        yield Text(f"and {len(flips) - FEW:,} more")


def _table(titles: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for each in titles:
        table.add_column(Text(each), overflow="fold")
    return table


def _heading(text: str) -> Text:
    from rich.text import Text

    return Text("\n" + text, style="bold")
