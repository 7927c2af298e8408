"""A network as a table: its layers with their output shapes, weights and multiply-adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from msgspec import Meta

_Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


@dataclass(frozen=True)
class NetworkLayer:
    """A layer, or a network that is used as one, such as a backbone.

    kind: its class in Keras, such as `Conv2D`. shape: of its output for one image; None for a
    size that is not fixed. weights: how many numbers it holds. multiply_adds: how often it
    multiplies a number by a weight for one image, in convolutions and dense layers; None if
    that depends on the image. layers: how many it consists of.
    """

    name: str
    kind: str
    shape: tuple[_Count | None, ...]
    weights: _Count
    multiply_adds: _Count | None
    layers: _Count = 1


@dataclass(frozen=True)
class NetworkSummary:
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


@dataclass(frozen=True)
class NetworkStage:
    """Consecutive layers whose outputs have the same size; shape: that of the last."""

    layers: tuple[NetworkLayer, ...]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of the output."""
        return self.layers[-1].shape

    @property
    def weights(self) -> int:
        """How many numbers its layers hold."""
        return sum(each.weights for each in self.layers)

    @property
    def multiply_adds(self) -> int | None:
        """Of its layers; None if they are not known of each."""
        return _multiply_adds(self.layers)


def network_stages(summary: NetworkSummary, most: int) -> tuple[NetworkStage, ...]:
    """Return the layers in stages of one shape, or, if these are too many, of one height and width.

    Args:
        summary: The network.
        most: The number of stages above which shapes with different channels are put together.
    """
    stages = tuple(_stages(summary.layers, lambda layer: layer.shape))
    if len(stages) <= most:
        return stages
    return tuple(_stages(summary.layers, lambda layer: layer.shape[:-1] or layer.shape))


def _stages(
    layers: Sequence[NetworkLayer], size: Callable[[NetworkLayer], object]
) -> Iterator[NetworkStage]:
    for _, group in groupby(layers, size):
        yield NetworkStage(tuple(group))


def _multiply_adds(layers: Sequence[NetworkLayer]) -> int | None:
    known = [each.multiply_adds for each in layers if each.multiply_adds is not None]
    return sum(known) if len(known) == len(layers) else None
