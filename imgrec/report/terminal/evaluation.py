"""An evaluation, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgrec.evaluation.error_analysis import measured_classes, most_confused, worst_classes
from imgrec.evaluation.results import ClassResult, Evaluation, SliceResult
from imgrec.metrics import format_value
from imgrec.report.terminal.names import name_cells
from imgrec.report.wording import (
    ROBUSTNESS_TITLES,
    class_cells,
    classes_left_out,
    decision_cells,
    decision_titles,
    format_bounds,
    interval,
    is_informative,
    metric_title,
    robustness_cells,
)
from imgrec.rounding import percent
from imgrec.text import count_of, printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

_MANY_CLASSES = 20
_MANY_SLICES = 20
_FEW = 10
_NAME_WIDTH = 24


def evaluation_text(evaluation: Evaluation) -> RenderableType:
    """Return the metrics, the slices, the robustness, the classes and the confusion matrix.

    With several labels per image, the table of classes has the counts instead of a matrix. With
    more than 20 classes, or if the terminal is too narrow for the matrix, only the worst classes
    and the most confused pairs are shown, as a line says. Of more than 20 slices, the worst are
    shown.
    """
    from rich.console import Group

    parts = [
        _headline(evaluation),
        *_notes(evaluation),
        *_skipped(evaluation),
        *_slices(evaluation),
        *_robustness(evaluation),
        *_classes(evaluation),
    ]
    return Group(*parts, *([] if evaluation.multi_label else [_Confusion(evaluation)]))


def _headline(evaluation: Evaluation) -> Table:
    table = _table()
    table.add_column("", no_wrap=True)
    table.add_column("", no_wrap=True, justify="right")
    table.add_column("95 % interval", no_wrap=True)
    for name, metric in evaluation.metrics.items():
        if not is_informative(name, evaluation):
            continue
        values = (format_value(name, metric.value), format_bounds(name, metric))
        style = "bold" if name == "accuracy" else ""
        table.add_row(metric_title(name, evaluation.top_k), *values, style=style)
    skipped = len(evaluation.skipped)
    table.add_row("Images", f"{evaluation.images:,}", f"{skipped:,} not used" if skipped else "")
    return table


def _notes(evaluation: Evaluation) -> Iterator[RenderableType]:
    from rich.text import Text

    for index, note in enumerate(evaluation.notes):
        yield Text(("" if index else "\n") + note, style="dim")


def _skipped(evaluation: Evaluation) -> Iterator[RenderableType]:
    if not evaluation.skipped:
        return
    yield _heading("Not used")
    for name, reason in evaluation.skipped[:_FEW]:
        yield _line(f"  {printable(name)}: {printable(reason)}")
    if len(evaluation.skipped) > _FEW:
        yield _line(f"  and {len(evaluation.skipped) - _FEW:,} more")


def _classes(evaluation: Evaluation) -> Iterator[RenderableType]:
    if len(evaluation.classes) <= _MANY_CLASSES:
        yield _heading("Classes")
        yield _class_table(evaluation.per_class, evaluation)
        return
    count = len(measured_classes(evaluation))
    yield _heading(f"The worst {min(_FEW, count)} of {count_of(count, 'class')}, by F1")
    yield _class_table(worst_classes(evaluation, _FEW), evaluation)
    if note := classes_left_out(evaluation):
        yield _line(note)


def _slices(evaluation: Evaluation) -> Iterator[RenderableType]:
    results = evaluation.parts
    if not results:
        return
    if len(results) > _MANY_SLICES:
        yield _heading(f"The worst {_FEW} of {count_of(len(results), 'slice')}, by accuracy")
        results = tuple(sorted(results, key=lambda each: each.metrics["accuracy"].value)[:_FEW])
    else:
        yield _heading("Slices")
    yield _slice_table(results, evaluation.worst_slice)


def _slice_table(results: Sequence[SliceResult], worst: SliceResult | None) -> Table:
    table = _table()
    table.add_column("slice", min_width=5)
    for heading in ("accuracy", "95 % interval", "log loss", "images", ""):
        table.add_column(heading, justify="left" if heading == "" else "right", no_wrap=True)
    names = name_cells([each.name for each in results], _NAME_WIDTH)
    for name, result in zip(names, results, strict=True):
        accuracy, loss = result.metrics["accuracy"], result.metrics["log_loss"]
        is_worst = result == worst
        table.add_row(
            name,
            percent(accuracy.value),
            interval(accuracy),
            format_value("log_loss", loss.value),
            f"{result.images:,}",
            "worst" if is_worst else "",
            style="bold" if is_worst else "",
        )
    return table


def _robustness(evaluation: Evaluation) -> Iterator[RenderableType]:
    if not evaluation.corrupted:
        return
    yield _heading("Robustness: the accuracy on corrupted images")
    table = _table()
    table.add_column("corruption", overflow="fold")
    for heading in ROBUSTNESS_TITLES:
        # A terminal has 80 columns: an interval has the unit of the number before it.
        title = heading.replace("difference", "points")
        table.add_column(title, justify="right" if heading else "left", no_wrap=True)
    accuracy = evaluation.metrics["accuracy"]
    table.add_row("none", percent(accuracy.value), interval(accuracy).removesuffix(" %"))
    for each in evaluation.corrupted:
        style = "bold" if each == evaluation.worst_slice else ""
        value, *others = robustness_cells(each)
        cells = (cell.removesuffix(" %").removesuffix(" points") for cell in others)
        table.add_row(each.name, value, *cells, style=style)
    yield table


def _class_table(results: Sequence[ClassResult], evaluation: Evaluation) -> Table:
    table = _table()
    table.add_column("class", min_width=4)
    for heading in ("precision", "recall", "F1", "images", *decision_titles(evaluation)):
        table.add_column(heading, justify="right", no_wrap=True)
    names = name_cells([each.name for each in results], _NAME_WIDTH)
    for name, result in zip(names, results, strict=True):
        decisions = decision_cells(evaluation, result.name)
        table.add_row(name, *class_cells(result), f"{result.support:,}", *decisions)
    return table


@dataclass(frozen=True)
class _Confusion:
    """The confusion matrix if it fits, else its largest wrong entries."""

    evaluation: Evaluation

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        classes = self.evaluation.classes
        if len(classes) <= _MANY_CLASSES:
            numbers = [str(index) for index in range(1, len(classes) + 1)]
            for headers in (classes, numbers):
                matrix = _matrix(self.evaluation, headers)
                if _width(matrix, console, options) <= options.max_width:
                    yield _heading("Confusion matrix: rows are the truth, columns the prediction")
                    yield matrix
                    return
        yield from _pairs(self.evaluation)


def _matrix(evaluation: Evaluation, headers: Sequence[str]) -> Table:
    from rich.text import Text

    numbered = headers != evaluation.classes
    table = _table()
    table.add_column("", no_wrap=True)
    for header in name_cells(headers, _NAME_WIDTH):
        table.add_column(header, justify="right", no_wrap=True)
    classes = enumerate(evaluation.classes, start=1)
    names = [f"{number} {name}" if numbered else name for number, name in classes]
    labels = name_cells(names, _NAME_WIDTH)
    for index, (label, counts) in enumerate(zip(labels, evaluation.confusion, strict=True)):
        cells = [Text(f"{count:,}", style="dim" if count == 0 else "") for count in counts]
        cells[index].stylize("bold")
        table.add_row(label, *cells)
    return table


def _pairs(evaluation: Evaluation) -> Iterator[RenderableType]:
    pairs = most_confused(evaluation, _FEW)
    if not pairs:
        yield _heading("No image was misclassified")
        return
    yield _heading("The most confused classes (the confusion matrix is too wide to show)")
    table = _table()
    for heading in ("truth", "predicted"):
        table.add_column(heading)
    table.add_column("images", justify="right", no_wrap=True)
    truths = name_cells([each.truth for each in pairs], _NAME_WIDTH)
    predictions = name_cells([each.prediction for each in pairs], _NAME_WIDTH)
    for truth, prediction, pair in zip(truths, predictions, pairs, strict=True):
        table.add_row(truth, prediction, f"{pair.images:,}")
    yield table


def _width(table: Table, console: Console, options: ConsoleOptions) -> int:
    from rich.measure import Measurement

    return Measurement.get(console, options.update_width(10_000), table).maximum


def _table() -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _heading(text: str) -> Text:
    from rich.text import Text

    return Text("\n" + text, style="bold")


def _line(text: str) -> Text:
    from rich.text import Text

    return Text(text)
