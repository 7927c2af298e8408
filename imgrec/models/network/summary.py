"""Describe a Keras model by its layers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from imgrec.network_summary import NetworkLayer, NetworkSummary


def summarize(model: Any) -> NetworkSummary | None:
    """Return the layers of a Keras model; None if it is a program rather than a graph of layers.

    A network that the model contains, such as a backbone, is one layer, unless nothing around it
    has weights, as in an imported model.
    """
    try:
        layers = tuple(map(_layer, _opened(model)))
    except AttributeError:  # it has no single output
        return None
    return NetworkSummary(layers, _numbers(model.weights), _numbers(model.trainable_weights))


def _opened(model: Any) -> Iterator[Any]:
    import keras

    weighted = [each for each in model.layers if each.weights]
    for layer in model.layers:
        if isinstance(layer, keras.Model) and weighted == [layer]:
            yield from _opened(layer)
        else:
            yield layer


def _layer(layer: Any) -> NetworkLayer:
    import keras

    inner = [_layer(each) for each in layer.layers] if isinstance(layer, keras.Model) else []
    work = [each.multiply_adds for each in inner] if inner else [_multiply_adds(layer)]
    return NetworkLayer(
        layer.name,
        type(layer).__name__,
        tuple(_first(layer.output).shape[1:]),
        _numbers(layer.weights),
        None if None in work else sum(filter(None, work)),
        sum(each.layers for each in inner) or 1,
        tuple(inner),
    )


def _multiply_adds(layer: Any) -> int | None:
    """Return in how many places each kernel is applied, times its size; 0 without kernels."""
    from keras import layers

    kinds = (
        layers.Dense,
        layers.Conv2D,
        layers.DepthwiseConv2D,
        layers.SeparableConv2D,
        layers.Conv2DTranspose,
    )
    if not isinstance(layer, kinds):
        return 0
    transposed = isinstance(layer, layers.Conv2DTranspose)
    shape = [*_first(layer.input if transposed else layer.output).shape[1:]]
    del shape[0 if getattr(layer, "data_format", "") == "channels_first" else -1]
    kernels = sum(math.prod(each.shape) for each in layer.weights if len(each.shape) > 1)
    return None if None in shape else math.prod(shape) * kernels


def _numbers(weights: Any) -> int:
    return sum(math.prod(each.shape) for each in weights)


def _first(tensors: Any) -> Any:
    import keras

    return keras.tree.flatten(tensors)[0]
