"""Rows of a simulation as a Markdown table, each printed when it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from imgrec.parallel import usable_cores

Cell = TypeVar("Cell")


def markdown(
    head: Sequence[str], cells: Sequence[Cell], row: Callable[[Cell], Sequence[str]]
) -> Iterator[str]:
    """Yield the lines of a table with a row for each cell; the rows are computed in parallel."""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    with ProcessPoolExecutor(usable_cores()) as pool:
        for found in pool.map(row, cells):
            yield f"| {' | '.join(found)} |"


def percent(fraction: float) -> str:
    """Return a fraction as in the other tables of docs/."""
    return f"{100 * fraction:.1f} %"
