"""A rearranged model learns what it learns otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imgrec.models.network import pool_before_relu, unfuse_biases

IMAGES = np.random.default_rng(0).uniform(0, 1, (4, 12, 12, 3)).astype(np.float32)
LABELS = np.array([[0.0], [1.0], [1.0], [0.0]], np.float32)


def _model(policy: str) -> Any:
    """A model with a model in it, both with a convolution; a third one is frozen."""
    import keras

    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(policy)
    layers = keras.layers
    inner = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(4, 3, bias_initializer="ones", trainable=False),
            layers.Conv2D(4, 3, activation="relu", bias_initializer="ones"),
        ]
    )
    pixels = keras.Input((12, 12, 3))
    tensor = layers.MaxPooling2D()(inner(pixels))
    tensor = layers.Conv2D(4, 3, activation="tanh", bias_initializer="ones")(tensor)
    output = layers.Dense(1, activation="sigmoid", dtype="float32")(layers.Flatten()(tensor))
    keras.config.set_dtype_policy("float32")
    model = keras.Model(pixels, output)
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    return model


@pytest.mark.parametrize(("policy", "within"), [("float32", 1e-6), ("mixed_bfloat16", 1e-2)])
def test_the_same_is_learned(policy: str, within: float) -> None:
    """Output, loss and weights after three steps; only what learns is added apart."""
    model, other = _model(policy), _model(policy)
    unfuse_biases(other)
    unfuse_biases(other)
    inner, convolution = other.layers[1], other.layers[3]
    found = [each.use_bias for each in (*inner.layers, convolution)]
    assert found == [True, False, False]
    np.testing.assert_allclose(other(IMAGES), model(IMAGES), atol=within)
    before = np.array(convolution.bias)
    for _ in range(3):
        losses = [each.train_on_batch(IMAGES, LABELS) for each in (other, model)]
        assert losses[0] == pytest.approx(losses[1], abs=within)
    assert not np.allclose(convolution.bias, before)
    for one, another in zip(other.weights, model.weights, strict=True):
        np.testing.assert_allclose(one, another, atol=within)


def _pooled(*, shared: bool) -> Any:
    """A model whose two convolutions are followed by max-pooling; the second is in a model."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inner = keras.Sequential(
        [
            keras.Input((6, 6, 4)),
            layers.Conv2D(4, 3, activation="relu", name="inner"),
            layers.MaxPooling2D(3, strides=1, padding="same"),
        ]
    )
    pixels = keras.Input((12, 12, 3))
    tensor = layers.Conv2D(4, 3, padding="same", activation="relu", name="outer")(pixels)
    pooled = inner(layers.MaxPooling2D()(tensor))
    if shared:
        pooled = layers.Add()([pooled, layers.AveragePooling2D(3)(tensor)])
    output = layers.Dense(1, activation="sigmoid")(layers.Flatten()(pooled))
    model = keras.Model(pixels, output)
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    return model


@pytest.mark.parametrize("shared", [False, True])
def test_relu_after_max_pooling_changes_no_bit(*, shared: bool) -> None:
    """Output, losses and weights after three steps; a convolution with two users keeps its ReLU."""
    model, other = _pooled(shared=shared), _pooled(shared=shared)
    pool_before_relu(other)
    pool_before_relu(other)
    inner = next(layer for layer in other.layers if hasattr(layer, "layers"))
    found = [each.activation.__name__ for each in (other.get_layer("outer"), inner.layers[0])]
    assert found == ["relu" if shared else "linear", "linear"]
    np.testing.assert_array_equal(other(IMAGES), model(IMAGES))
    for _ in range(3):
        losses = [float(each.train_on_batch(IMAGES, LABELS)) for each in (other, model)]
        assert losses[0] == losses[1]
    for one, another in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, another)
