"""Through a Keras model layer by layer, whatever is nested in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Apply = Callable[..., Any]
"""What is done in place of `layer(*tensors, **arguments)`: it takes the layer first."""


def traverse(model: Any, tensor: Any, apply: Apply) -> Any:
    """Return what `model` makes of `tensor`, each of its layers applied by `apply`.

    Models within the model are gone through as well; the order is one in which they compute.
    tensor: symbolic, or with values. Raises AttributeError for a model that is a program rather
    than a graph of layers.
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


def is_convolution(layer: Any) -> bool:
    """Say whether a layer is a convolution over a picture."""
    from keras import layers

    kinds = (
        layers.Conv2D,
        layers.DepthwiseConv2D,
        layers.SeparableConv2D,
        layers.Conv2DTranspose,
    )
    return isinstance(layer, kinds)
