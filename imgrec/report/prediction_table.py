"""Predictions as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgrec.evaluation.prediction import Prediction
from imgrec.report.wording import percent
from imgrec.text import shown

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.measure import Measurement
    from rich.table import Table

_BAR = 10
_REASON = 24


def prediction_table(predictions: Sequence[Prediction]) -> Table:
    """Return a table of photo, class, probability and a bar, best class first, a line for each.

    Where the terminal is too narrow, the middle of the longest names is left out.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("photo")
    table.add_column("class")
    table.add_column("probability", justify="right", no_wrap=True)
    table.add_column("", width=_BAR, no_wrap=True)
    for prediction in predictions:
        for row in _rows(prediction):
            table.add_row(*row)
        table.add_section()
    return table


def _rows(prediction: Prediction) -> Iterator[tuple[RenderableType, ...]]:
    from rich.progress_bar import ProgressBar

    photo = _Name(shown(prediction.name))
    if prediction.error is not None:
        yield photo, _Reason(shown(prediction.error))
    for ranked in prediction.top:
        bar = ProgressBar(total=1, completed=ranked.probability, width=_BAR)
        yield photo, _Name(shown(ranked.class_name)), percent(ranked.probability), bar
        photo = _Name("")


@dataclass(frozen=True)
class _Name:
    """A name on one line; where it is too long, `…` stands for its middle."""

    name: str

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import Measurement

        return Measurement(1, max(1, _cells(self.name)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        yield Text(_shortened(self.name, options.max_width), no_wrap=True, overflow="crop")


@dataclass(frozen=True)
class _Reason:
    """Why a photo failed: as many lines as it needs, so that the names have room."""

    reason: str

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import Measurement

        return Measurement(1, max(1, min(_REASON, _cells(self.reason))))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        yield Text(self.reason, style="red", no_wrap=False, overflow="fold")


def _shortened(name: str, width: int) -> str:
    """Return `name` in at most `width` terminal columns, its middle left out if need be."""
    from rich.cells import set_cell_size

    excess = _cells(name) - width
    if excess <= 0:
        return name
    half = (width - 1) // 2
    # What is cut from the front as cells is taken from the back mirrored.
    front = set_cell_size(name, width - 1 - half).rstrip()
    back = set_cell_size(name[::-1], half)[::-1].lstrip()
    return f"{front}…{back}"


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
