"""Columns of names, which no narrow terminal makes look alike."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgrec.text import printable, shorten_names

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.measure import Measurement


def name_cells(names: Sequence[str], most: int | None = None) -> list[NameCell]:
    """Return the cells of a column, each on one line, as `shorten_names` shows them.

    Args:
        names: The names of the whole column, in order.
        most: The greatest width of the column; by default that of the longest name.
    """
    column = tuple(names)
    return [NameCell(column, place, most) for place in range(len(column))]


@dataclass(frozen=True)
class NameCell:
    """A name among those of its column."""

    column: tuple[str, ...]
    place: int
    most: int | None

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the widths that the name can have."""
        from rich.cells import cell_len
        from rich.measure import Measurement

        whole = max(1, cell_len(printable(self.column[self.place])))
        return Measurement(1, whole if self.most is None else min(whole, self.most))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the name as it is shown in the width that the column has."""
        from rich.text import Text

        width = min(options.max_width, self.most or options.max_width)
        shown = _shortened(self.column, width)
        yield Text(shown[self.place], no_wrap=True, overflow="crop")


@functools.lru_cache(maxsize=32)
def _shortened(column: tuple[str, ...], width: int) -> tuple[str, ...]:
    from rich.cells import cell_len

    return shorten_names(column, width, cell_len)
