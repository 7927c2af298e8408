"""A network as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from imgrec.network_summary import LayerGroup, NetworkLayer, NetworkSummary, layer_groups
from imgrec.text import count_of

NETWORK_HEADER = ("layer", "kind", "output", "weights", "multiply-adds")

MOST_ROWS = 40
"""From how many layers on a table has a row for each output shape."""


def network_rows(summary: NetworkSummary) -> list[tuple[str, ...]]:
    """Return a row for each layer, or for each group of a network with many, and one for all."""
    if len(summary.layers) > MOST_ROWS:
        rows = [_group_row(each) for each in layer_groups(summary, MOST_ROWS)]
    else:
        rows = [_row(each) for each in summary.layers]
    total = ("all", "", "", f"{summary.weights:,}", _number(summary.multiply_adds))
    return [*rows, total]


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


def _row(layer: NetworkLayer) -> tuple[str, ...]:
    numbers = f"{layer.weights:,}", _number(layer.multiply_adds)
    return (layer.name, _kind(layer), shape_text(layer.shape), *numbers)


def _group_row(group: LayerGroup) -> tuple[str, ...]:
    first, last = group.layers[0].name, group.layers[-1].name
    name = first if len(group.layers) == 1 else f"{first} … {last}"
    numbers = f"{group.weights:,}", _number(group.multiply_adds)
    return (name, kinds(group.layers), shape_text(group.shape), *numbers)


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"
