"""Grad-CAM finds the place that speaks for a class, in networks of every shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.explanation.gradcam import gradcam
from imgrec.explanation.values import Area
from imgrec.models.backend import start
from tests.explanation.made import SIDE, network, spotted

SPOT = Area(20, 4, 28, 12)


def colours() -> list[Any]:
    """Layers that say how much more red than blue there is: the second class is red."""
    start("cpu")
    from keras import layers

    convolution = layers.Conv2D(2, 3, padding="same", activation="relu", name="colours")
    dense = layers.Dense(2, activation="softmax", name="head")
    chain = [
        *(layers.Rescaling(1 / 255), convolution, layers.MaxPooling2D(4)),
        *(layers.GlobalAveragePooling2D(), dense),
    ]
    network(*chain)
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[1, 1, 0, 0] = kernel[1, 1, 2, 1] = 1
    convolution.set_weights([kernel, np.zeros(2)])
    dense.set_weights([np.array([[-50.0, 50.0], [50.0, -50.0]]), np.zeros(2)])
    return chain


def flat() -> Any:
    """One model of them all."""
    return network(*colours())


def nested() -> Any:
    """A model in a model in a model, one of them Sequential."""
    import keras

    chain = colours()
    backbone = network(*chain[1:3])
    return network(chain[0], keras.Sequential([backbone, chain[3]]), chain[4])


def activation_apart() -> Any:
    """The softmax is a separate layer."""
    from keras import layers

    chain = colours()
    logits = layers.Dense(2)
    model = network(*chain[:4], logits, layers.Activation("softmax"))
    logits.set_weights(chain[4].get_weights())
    return model


def one_unit() -> Any:
    """One sigmoid unit: the probability of the second class."""
    from keras import layers

    chain = colours()
    unit = layers.Dense(1, activation="sigmoid")
    model = network(*chain[:4], unit)
    unit.set_weights([np.array([[50.0], [-50.0]]), np.zeros(1)])
    return model


def averaged() -> Any:
    """The mean of two softmaxes: one speaks for the spot, the other, the last, for nothing."""
    from keras import layers

    chain = colours()
    other = layers.Dense(2, activation="softmax", kernel_initializer="zeros")
    return network(*chain[:4], lambda mean: layers.Average()([chain[4](mean), other(mean)]))


def of_several_units() -> Any:
    """A unit for each class, side by side: blue, red and one that nothing speaks for."""
    from keras import layers

    chain = colours()
    units = [layers.Dense(1, activation="sigmoid", kernel_initializer="zeros") for _ in range(3)]
    model = network(*chain[:4], lambda mean: layers.Concatenate()([unit(mean) for unit in units]))
    units[0].set_weights([np.array([[-50.0], [50.0]]), np.zeros(1)])
    units[1].set_weights([np.array([[50.0], [-50.0]]), np.zeros(1)])
    return model


def hidden() -> Any:
    """A sigmoid on the way, and the softmax as an operation."""
    import keras
    from keras import layers

    chain = colours()
    shown, logits = layers.Dense(4, activation="sigmoid"), layers.Dense(2)
    model = network(*chain[:4], shown, logits, keras.ops.softmax)
    shown.set_weights([np.array([[9.0, 0, 0, 0], [-9.0, 0, 0, 0]]), np.zeros(4)])
    logits.set_weights([np.array([[-1.0, 1.0]] + [[0.0, 0.0]] * 3), np.zeros(2)])
    return model


@pytest.mark.parametrize(
    "build", [flat, nested, activation_apart, one_unit, averaged, of_several_units, hidden]
)
def test_the_spot_that_speaks_for_a_class_is_hot(build: Callable[[], Any]) -> None:
    """The red spot for red, at the size of the convolution, and nothing for blue."""
    model = build()
    pixels = np.asarray(spotted(SPOT), np.uint8)
    heat = gradcam(model, pixels, 1)
    assert heat.shape == (SIDE, SIDE)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[4:12, 20:28] = True
    assert heat[inside].min() == pytest.approx(1)
    assert heat[~inside].max() == 0
    assert gradcam(model, pixels, 0).max() == 0


def test_a_certain_answer_has_its_place_too() -> None:
    """The gradient is that of what enters the softmax, which has none where it is certain."""
    model = flat()
    pixels = np.asarray(spotted(Area(0, 0, 31, 32)), np.uint8)
    assert np.asarray(model(pixels[None].astype(np.float32)))[0, 1] == 1
    assert gradcam(model, pixels, 1)[:, :31].min() > 0.9


def test_a_squeeze_is_not_the_last_convolution() -> None:
    """A convolution that gives a single point, as in squeeze-and-excite blocks, has no places."""
    from keras import layers

    chain = colours()
    pool = layers.GlobalAveragePooling2D(keepdims=True)
    model = network(*chain[:2], pool, layers.Conv2D(4, 1), layers.Flatten(), layers.Dense(2))
    assert gradcam(model, np.zeros((SIDE, SIDE, 3), np.uint8), 1).shape == (SIDE, SIDE)


def test_a_model_without_convolutions_is_named() -> None:
    """And what would work for it."""
    from keras import layers

    start("cpu")
    model = network(layers.Flatten(), layers.Dense(2, activation="softmax"), size=(4, 4, 1))
    with pytest.raises(RunError, match="no convolution for gradcam") as caught:
        gradcam(model, np.zeros((4, 4, 1), np.uint8), 0)
    assert "occlusion" in caught.value.hint


def test_a_larger_picture_has_a_finer_map() -> None:
    """Where the network pools globally: the spot is found in a picture of another size too."""
    pixels = np.asarray(spotted(SPOT, (3 * SIDE, 2 * SIDE)), np.uint8)
    heat = gradcam(flat(), pixels, 1)
    assert heat.shape == (2 * SIDE, 3 * SIDE)
    assert heat[4:12, 20:28].min() == pytest.approx(1)
    assert heat.sum() == pytest.approx(64)
