"""Predictions and explanations for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgrec.evaluation.prediction import MEAN, Answer, ModelInfo, Prediction
from imgrec.report.terminal.names import name_cells
from imgrec.rounding import percent
from imgrec.text import NOTHING, count_of, join_few, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imgrec.explanation.values import ExplainedPhoto

_BAR = 10
_NAMED = 3


@dataclass(frozen=True)
class Disagreement:
    """How many photos several models answered, on how many they disagree, and some of those."""

    compared: int = 0
    photos: int = 0
    names: tuple[str, ...] = ()

    def with_batch(self, predictions: Sequence[Prediction]) -> Disagreement:
        """Return the numbers with those of further predictions."""
        compared = [each for each in predictions if each.agree is not None]
        names = [each.name for each in compared if not each.agree]
        return Disagreement(
            self.compared + len(compared),
            self.photos + len(names),
            (*self.names, *names)[:_NAMED],
        )

    @property
    def in_words(self) -> str:
        """A sentence; empty if the models agree."""
        if not self.photos:
            return ""
        more = self.photos - len(self.names)
        names = join_few(self.names, _NAMED) + (f" and {more:,} more" if more else "")
        compared = count_of(self.compared, "photo")
        return f"The models disagree on {self.photos:,} of {compared}: {names}"


def prediction_table(
    predictions: Sequence[Prediction],
    *,
    members: Sequence[ModelInfo],
    disagreement: Disagreement | None = None,
) -> RenderableType:
    """Return a table with photo, class, probability and a bar, one line per class.

    With several models, the answer of their ensemble, if any, comes first; photos on which they
    disagree are counted. With several labels per photo, those that it has are ticked, and "(none)"
    means that it has none. Below the table it says why photos can't be used. If the terminal is too
    narrow, long names are shortened in the middle.

    disagreement: What is counted below the table; by default that on `predictions`.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("photo")
    if len(members) > 1:
        table.add_column("model")
    table.add_column("class")
    table.add_column("probability", justify="right", no_wrap=True)
    table.add_column("", width=_BAR, no_wrap=True)
    lines = [[*_rows(prediction, members)] for prediction in predictions]
    apart = any(len(rows) > 1 for rows in lines)
    columns = zip(*(row for rows in lines for row in rows), strict=True)
    cells = zip(*map(_cells_of, columns), strict=True)
    for rows in lines:
        for _ in rows:
            table.add_row(*next(cells))
        if apart:
            table.add_section()
    found = disagreement or Disagreement().with_batch(predictions)
    reasons = (
        Text(f"{printable(each.name)}: {printable(each.error)}", style="red", overflow="fold")
        for each in predictions
        if each.error is not None
    )
    below = [Text(found.in_words, style="yellow")] if found.in_words else []
    return Group(table, *reasons, *below)


def explanation_line(explained: ExplainedPhoto) -> str:
    """Return the result for a photo without an error, and the files written, on one line."""
    answer = ", ".join(f"{printable(name)} {percent(share)}" for name, share in explained.named)
    lead = f"{printable(explained.name)}: {answer if explained.known else f'unknown ({answer})'}"
    if explained.view and explained.view.size:
        lead += "; resized to {}x{} pixels (width x height)".format(*explained.view.size)
    files = ", ".join(printable(str(path)) for path in explained.files.values())
    return f"{lead}; written: {files}" if files else lead


def _cells_of(column: Sequence[RenderableType]) -> Sequence[RenderableType]:
    """Return the cells of a column, where strings are names."""
    names = iter(name_cells([each for each in column if isinstance(each, str)]))
    return [next(names) if isinstance(each, str) else each for each in column]


def _rows(
    prediction: Prediction, members: Sequence[ModelInfo]
) -> Iterator[tuple[RenderableType, ...]]:
    """Yield a row for each class; its strings are names."""
    from rich.text import Text

    photo = prediction.name
    nothing = Text()
    if prediction.error is not None:
        model = [""] * (len(members) > 1)
        yield photo, *model, Text("can't be used", style="red"), nothing, nothing
        return
    mean = Answer(MEAN, prediction.top, prediction.known, prediction.labels)
    several = any(member.multi_label for member in members)
    for answer in (mean, *prediction.answers):
        for row in _answer_rows(answer, several=several):
            yield photo, *(row if len(members) > 1 else row[1:])
            photo = ""


def _answer_rows(answer: Answer, *, several: bool) -> Iterator[tuple[RenderableType, ...]]:
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    model = answer.model
    nothing = several and not answer.labels
    if answer.top and (nothing or not answer.known):
        said = NOTHING if answer.known else "unknown"
        yield model, Text(said, style="yellow"), Text(), Text()
        model = ""
    for ranked in answer.top:
        ticked = "✓ " if ranked.class_name in answer.labels else "  "
        name = (ticked if several else "") + ranked.class_name
        bar = ProgressBar(total=1, completed=ranked.probability, width=_BAR)
        yield model, name, Text(percent(ranked.probability)), bar
        model = ""
