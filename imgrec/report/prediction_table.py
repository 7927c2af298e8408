"""Predictions as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imgrec.evaluation.prediction import Prediction
from imgrec.report.wording import percent
from imgrec.text import shown

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_BAR = 20


def prediction_table(predictions: Sequence[Prediction]) -> Table:
    """Return a table of photo, class, probability and a bar, best class first."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("photo", overflow="fold")
    table.add_column("class", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    table.add_column("", width=_BAR, no_wrap=True)
    for prediction in predictions:
        for row in _rows(prediction):
            table.add_row(*row)
        table.add_section()
    return table


def _rows(prediction: Prediction) -> Iterator[tuple[RenderableType, ...]]:
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    # Text objects, since a plain string would be read as markup.
    photo = Text(shown(prediction.name))
    if prediction.error is not None:
        yield photo, Text(shown(prediction.error), style="red")
    for ranked in prediction.top:
        bar = ProgressBar(total=1, completed=ranked.probability, width=_BAR)
        yield photo, Text(shown(ranked.class_name)), percent(ranked.probability), bar
        photo = Text()
