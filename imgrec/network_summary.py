"""A network as a table: its layers with their output shapes, weights and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, groupby
from typing import Annotated

from msgspec import Meta, Struct

_Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class NetworkLayer(Struct, frozen=True):
    """A layer, or a network that is used as one, such as a backbone.

    kind: its class in Keras, such as `Conv2D`; of a LiteRT file, what it does. shape: of its output
    for one image; None for a size that is not fixed. weights: how many numbers it holds.
    multiply_adds: how often it multiplies a number by a weight for one image, in convolutions and
    dense layers; None if that depends on the image. layers: how many it consists of. inner: those
    of a network that is used as one; empty in the cards of earlier versions.
    """

    name: str
    kind: str
    shape: tuple[_Count | None, ...]
    weights: _Count
    multiply_adds: _Count | None
    layers: _Count = 1
    inner: tuple[NetworkLayer, ...] = ()


class NetworkSummary(Struct, frozen=True):
    """The layers of a network, in the order of Keras' summary.

    weights: of all layers, those of a layer that is used more than once only counted once;
    trainable: how many of them are trained.
    """

    layers: tuple[NetworkLayer, ...]
    weights: _Count
    trainable: _Count

    @property
    def multiply_adds(self) -> int | None:
        """Of all layers; None if they are not known of each."""
        return _multiply_adds(self.layers)


class LayerGroup(Struct, frozen=True):
    """Consecutive layers whose outputs have the same size."""

    layers: tuple[NetworkLayer, ...]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of the last output."""
        return self.layers[-1].shape

    @property
    def weights(self) -> int:
        """How many numbers its layers hold."""
        return sum(each.weights for each in self.layers)

    @property
    def multiply_adds(self) -> int | None:
        """Of its layers; None if they are not known of each."""
        return _multiply_adds(self.layers)


def layer_groups(summary: NetworkSummary, most: int) -> tuple[LayerGroup, ...]:
    """Return the layers in groups of one shape, or, if these are too many, of one size of maps.

    Args:
        summary: The network.
        most: The number of groups above which only the size of the maps matters. Layers between
            larger maps, such as those of squeeze-excitation, are then in the group of these maps.
    """
    groups = _groups(summary.layers, [each.shape for each in summary.layers])
    if len(groups) <= most:
        return groups
    extents = [math.prod(side or 0 for side in each.shape[:-1]) for each in summary.layers]
    following = [*accumulate(reversed(extents), max)]
    return _groups(summary.layers, following[::-1])


def _groups(layers: Sequence[NetworkLayer], keys: Sequence[object]) -> tuple[LayerGroup, ...]:
    groups = groupby(zip(layers, keys, strict=True), lambda pair: pair[1])
    return tuple(LayerGroup(tuple(layer for layer, _ in group)) for _, group in groups)


def _multiply_adds(layers: Sequence[NetworkLayer]) -> int | None:
    known = [each.multiply_adds for each in layers if each.multiply_adds is not None]
    return sum(known) if len(known) == len(layers) else None
