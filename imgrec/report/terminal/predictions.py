"""Predictions and explanations for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from imgrec.evaluation.prediction import MEAN, Answer, ModelInfo, Prediction
from imgrec.rounding import percent
from imgrec.scores import Decision
from imgrec.text import NOTHING, count_of, join_few, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imgrec.explanation.values import ExplainedPhoto

_BAR = 10
_NAMED = 3


class Disagreement(Struct, frozen=True):
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


class _Row(NamedTuple):
    """A line of the table: a class, or a note in its place; photo and model only where they begin.

    style: that of the note. probability: None for a note.
    """

    photo: str
    model: str
    class_name: str = ""
    note: str = ""
    style: str = ""
    probability: float | None = None


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
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from imgrec.report.terminal.names import name_cells

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("photo")
    if len(members) > 1:
        table.add_column("model")
    table.add_column("class")
    table.add_column("probability", justify="right", no_wrap=True)
    table.add_column("", width=_BAR, no_wrap=True)
    groups = [[*_rows(prediction, members)] for prediction in predictions]
    rows = [row for group in groups for row in group]
    photos = iter(name_cells([row.photo for row in rows]))
    models = iter(name_cells([row.model for row in rows]))
    classes = iter(name_cells([row.class_name for row in rows if not row.note]))
    for group in groups:
        for row in group:
            photo, *model = (next(photos), next(models))[: 2 if len(members) > 1 else 1]
            label = Text(row.note, style=row.style) if row.note else next(classes)
            share = row.probability
            bar = ProgressBar(total=1, completed=share, width=_BAR) if share is not None else ""
            table.add_row(photo, *model, label, _percent(share), bar)
        if len(rows) > len(groups):
            table.add_section()
    below = (
        Text(text, style=style, overflow="fold")
        for text, style in remarks(predictions, disagreement)
    )
    return Group(table, *below)


def prediction_rows(
    predictions: Sequence[Prediction], *, members: Sequence[ModelInfo]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return the header and the rows of `prediction_table`, the probability last; no bars.

    Rows without text set photos apart.
    """
    model = ["model"] * (len(members) > 1)
    header = ["photo", *model, "class", "probability"]
    groups = [[*_rows(prediction, members)] for prediction in predictions]
    apart = any(len(group) > 1 for group in groups)
    rows: list[list[str]] = []
    for group in groups:
        if rows and apart:
            rows.append([""] * len(header))
        for row in group:
            of_model = [row.model for _ in model]
            label = row.note or row.class_name
            rows.append([row.photo, *of_model, label, _percent(row.probability)])
    return header, rows


def remarks(
    predictions: Sequence[Prediction], disagreement: Disagreement | None = None
) -> Iterator[tuple[str, str]]:
    """Yield what is said below the table of predictions, and its style."""
    for each in predictions:
        if each.error is not None:
            yield f"{printable(each.name)}: {printable(each.error)}", "red"
    found = disagreement or Disagreement().with_batch(predictions)
    if found.in_words:
        yield found.in_words, "yellow"


def explanation_line(explained: ExplainedPhoto) -> str:
    """Return the result for a photo without an error, and the files written, on one line."""
    answer = ", ".join(f"{printable(name)} {percent(share)}" for name, share in explained.named)
    lead = f"{printable(explained.name)}: {answer if explained.known else f'unknown ({answer})'}"
    if explained.view and explained.view.size:
        lead += "; resized to {}x{} pixels (width x height)".format(*explained.view.size)
    files = ", ".join(printable(str(path)) for path in explained.files.values())
    return f"{lead}; written: {files}" if files else lead


def _rows(prediction: Prediction, members: Sequence[ModelInfo]) -> Iterator[_Row]:
    photo = prediction.name
    if prediction.error is not None:
        yield _Row(photo, "", note="can't be used", style="red")
        return
    mean = Answer(MEAN, prediction.top, prediction.known, prediction.labels)
    several = any(member.multi_label for member in members)
    decisions = [member.decision for member in members]
    of_mean = decisions[0] if len(decisions) == 1 else None
    answers = zip(
        (mean, *prediction.answers), (of_mean, *decisions[: len(prediction.answers)]), strict=True
    )
    for answer, decision in answers:
        for row in _answer_rows(photo, answer, decision, several=several):
            yield row
            photo = ""


def _answer_rows(
    photo: str, answer: Answer, decision: Decision | None, *, several: bool
) -> Iterator[_Row]:
    model = answer.model
    nothing = several and not answer.labels
    if answer.top and (nothing or not answer.known):
        yield _Row(
            photo,
            model,
            note=NOTHING if answer.known else _unknown(answer, decision),
            style="yellow",
        )
        photo = model = ""
    for ranked in answer.top:
        ticked = "✓ " if ranked.class_name in answer.labels else "  "
        name = (ticked if several else "") + ranked.class_name
        yield _Row(photo, model, name, probability=ranked.probability)
        photo = model = ""


def _unknown(answer: Answer, decision: Decision | None) -> str:
    """Return "unknown", with its reason where the probability seems to contradict it."""
    if decision is None or decision.min_ood_similarity is None:
        return "unknown"
    if answer.top[0].probability < (decision.min_probability or 0.0):
        return "unknown"
    return "unknown: unlike the training images"


def _percent(share: float | None) -> str:
    return "" if share is None else percent(share)
