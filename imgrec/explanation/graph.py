"""Run a Keras model layer by layer, nested models included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgrec.interface import option

Apply = Callable[..., Any]
"""Called instead of `layer(*tensors, **arguments)`, with the layer as first argument."""


def traverse(model: Any, tensor: Any, apply: Apply) -> Any:
    """Return the output of `model` for `tensor`, with each of its layers called by `apply`.

    Nested models are traversed as well. Layers are called in the order of computation.

    Args:
        model: A Keras model.
        tensor: Symbolic, or with values.
        apply: Calls a layer.

    Raises:
        AttributeError: The model is a program rather than a graph of layers.
    """
    import keras

    def step(layer: Any, *tensors: Any, **arguments: Any) -> Any:
        if isinstance(layer, keras.Model):
            return traverse(layer, tensors[0], apply)
        return apply(layer, *tensors, **arguments)

    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            tensor = step(layer, tensor)
        return tensor
    # Keras has no public way through a graph that keeps its tensors.
    return model._run_through_graph(tensor, call_fn=step)  # noqa: SLF001


def method_for_any_model() -> str:
    """Return the hint for a model whose layers can't be used."""
    return f"{option('method', 'windows')} and occlusion work with any model"


def is_convolution(layer: Any) -> bool:
    """Return whether a layer is a convolution over a picture."""
    from keras import layers

    kinds = (
        layers.Conv2D,
        layers.DepthwiseConv2D,
        layers.SeparableConv2D,
        layers.Conv2DTranspose,
    )
    return isinstance(layer, kinds)
