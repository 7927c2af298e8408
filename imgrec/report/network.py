"""A network as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from imgrec.network_summary import LayerGroup, NetworkLayer, NetworkSummary, layer_groups
from imgrec.text import count_of, shorten_names

NETWORK_HEADER = ("layer", "kind", "output", "weights", "multiply-adds")

MOST_ROWS = 40
"""From how many layers on a table has a row for each output shape."""


_LEAST = 12


@dataclass(frozen=True)
class NetworkRow:
    """A row of the table, and those of the layers that it stands for, if there are several."""

    cells: tuple[str, ...]
    inner: tuple[NetworkRow, ...] = ()


def network_rows(summary: NetworkSummary) -> list[NetworkRow]:
    """Return a row for each layer, or for each group of a network with many, and one for all."""
    if len(summary.layers) > MOST_ROWS:
        rows = [_group_row(each) for each in layer_groups(summary, MOST_ROWS)]
    else:
        rows = [_row(each) for each in summary.layers]
    total = ("all", "", "", f"{summary.weights:,}", _number(summary.multiply_adds))
    return [*rows, NetworkRow(total)]


def fitted(rows: Sequence[Sequence[str]], width: int) -> list[tuple[str, ...]]:
    """Return the cells of rows with shorter kinds, then shorter names.

    Args:
        rows: The cells of each row.
        width: How wide the table with `NETWORK_HEADER` may be, with two characters between columns.
            It is wider if the other columns leave no room.
    """
    columns = [*map(list, zip(*rows, strict=True))]
    for shortened in (1, 0):
        widths = [
            max(map(len, each))
            for each in zip(NETWORK_HEADER, *zip(*columns, strict=True), strict=True)
        ]
        room = width - sum(widths) - 2 * (len(widths) - 1) + widths[shortened]
        columns[shortened] = [*shorten_names(columns[shortened], max(room, _LEAST))]
    return [*zip(*columns, strict=True)]


def network_note(summary: NetworkSummary) -> str:
    """Return how many weights are trainable, and whether rows are more than a layer."""
    text = f"{summary.trainable:,} of {count_of(summary.weights, 'weight')} are trainable"
    if len(summary.layers) > MOST_ROWS:
        text += f"; consecutive ones of {count_of(len(summary.layers), 'layer')} share a row"
    return text


def kinds(layers: Sequence[NetworkLayer]) -> str:
    """Return what kinds of layers there are, and how many of each.

    Example:
        >>> kinds([NetworkLayer("a", "Conv2D", (8, 8, 3), 84, 5184)] * 2)
        'Conv2D x 2'
    """
    counts = Counter(map(_kind, layers))
    return ", ".join(kind if count == 1 else f"{kind} x {count}" for kind, count in counts.items())


def shape_text(shape: Sequence[int | None]) -> str:
    """Return a shape as text.

    Example:
        >>> shape_text((148, 148, 32)), shape_text((None, None, 3))
        ('148 x 148 x 32', '? x ? x 3')
    """
    return " x ".join("?" if each is None else f"{each:,}" for each in shape)


def _kind(layer: NetworkLayer) -> str:
    return layer.kind if layer.layers == 1 else f"{layer.kind} of {count_of(layer.layers, 'layer')}"


def _row(layer: NetworkLayer) -> NetworkRow:
    numbers = f"{layer.weights:,}", _number(layer.multiply_adds)
    cells = layer.name, _kind(layer), shape_text(layer.shape), *numbers
    return NetworkRow(cells, tuple(map(_row, layer.inner)))


def _group_row(group: LayerGroup) -> NetworkRow:
    first, *others = group.layers
    if not others:
        return _row(first)
    numbers = f"{group.weights:,}", _number(group.multiply_adds)
    name = f"{first.name} … {others[-1].name}"
    cells = name, kinds(group.layers), shape_text(group.shape), *numbers
    return NetworkRow(cells, tuple(map(_row, group.layers)))


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"
