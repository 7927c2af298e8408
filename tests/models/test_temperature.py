"""A temperature becomes a part of a classifier's weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.models.last_layer import features_model
from imgrec.models.network import apply_temperature
from tests.explanation.made import network

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 4, 4, 3)).astype(np.float32)
SIZE = (4, 4, 3)


def softmax_layer() -> Any:
    """Return a model that ends in a softmax of its own, behind layers that compute nothing."""
    from keras import layers

    pooled = layers.GlobalAveragePooling2D(), layers.Dropout(0.5)
    scaled = layers.Rescaling(1 / 255)
    return network(scaled, layers.Conv2D(3, 2), *pooled, layers.Softmax(), size=SIZE)


def nested() -> Any:
    """Return a model that is a layer of another one."""
    return network(softmax_layer(), size=SIZE)


def dense() -> Any:
    """Return a model whose dense layer has the softmax."""
    from keras import layers

    scaled = layers.Rescaling(1 / 255), layers.Flatten()
    return network(*scaled, layers.Dense(3, activation="softmax"), size=SIZE)


@pytest.mark.parametrize("made", [softmax_layer, nested, dense])
def test_logits_are_divided(made: Any) -> None:
    """Log odds are halved, wherever the layer is that gives the logits."""
    model = made()
    before = np.log(model.predict_on_batch(PIXELS))
    apply_temperature(model, 2.0)
    after = np.log(model.predict_on_batch(PIXELS))
    np.testing.assert_allclose(
        after[:, 1:] - after[:, :1], (before[:, 1:] - before[:, :1]) / 2, rtol=1e-3, atol=1e-3
    )


def test_another_layer_has_no_place_for_it() -> None:
    """It is named."""
    from keras import layers

    chain = (
        layers.Flatten(),
        layers.Dense(3),
        layers.BatchNormalization(name="last"),
        layers.Softmax(),
    )
    with pytest.raises(RunError, match=r"the layer last \(BatchNormalization\)"):
        apply_temperature(network(*chain, size=SIZE), 2.0)


@pytest.mark.parametrize("make", [softmax_layer, nested, dense])
def test_features_are_what_the_last_layer_takes(make: Callable[[], Any]) -> None:
    """The layer turns them into the probabilities, in a nested model as well."""
    import keras

    model = make()
    inner = model.layers[-1] if make is nested else model
    last = next(
        each
        for each in inner.layers[::-1]
        if isinstance(each, keras.layers.Dense | keras.layers.Conv2D)
    )
    kernel, bias = last.get_weights()
    found = features_model(model)(PIXELS).numpy()
    if make is dense:
        logits = found @ kernel + bias
    else:
        windows = np.lib.stride_tricks.sliding_window_view(found, (2, 2), axis=(1, 2))
        logits = (np.einsum("nyxcij,ijcf->nyxf", windows, kernel) + bias).mean(axis=(1, 2))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model(PIXELS).numpy(), expected, atol=1e-5)
