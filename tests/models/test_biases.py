"""Biases that are added apart learn what they learn otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imgrec.models.network import unfuse_biases

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
