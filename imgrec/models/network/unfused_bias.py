"""Convolutions whose biases learn in less time on a CPU."""

from __future__ import annotations

from typing import Any


def unfuse_biases(model: Any) -> None:
    """Let the convolutions of a model that learn add their biases by themselves.

    On two AVX-512 cores, a training step of `cat_dog` on one batch that stays went from 235 to
    172 ms by it. The cause is inferred from such times, not traced: TensorFlow with oneDNN computes
    the gradients of a convolution's weights and bias in one operation, which seems to take longer
    than both by themselves. Added as any tensor is, a bias has the same gradient but for the last
    bits. What the model is otherwise, its variables among it, stays; it is not to be saved.
    """
    import keras

    for layer in model.layers:
        if hasattr(layer, "layers"):
            unfuse_biases(layer)
        elif type(layer) is keras.layers.Conv2D and layer.trainable and layer.use_bias:
            layer.use_bias = False
            layer.activation = _after(layer.bias, layer.activation)


def _after(bias: Any, activation: Any) -> Any:
    import tensorflow as tf

    # `keras.ops.add` would take it for a bias again.
    return lambda outputs: activation(tf.math.add(outputs, tf.convert_to_tensor(bias)))
