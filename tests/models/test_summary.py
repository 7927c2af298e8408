"""The layers of a model, counted."""

from __future__ import annotations

import pytest

from imgrec.models.network import summarize
from imgrec.network_summary import layer_groups


@pytest.mark.tensorflow
def test_multiply_adds_of_each_kind_of_layer() -> None:
    """Each kernel counts once in each place where it is applied."""
    from keras import Input, Sequential, layers

    model = Sequential(
        [
            Input((8, 8, 4)),
            layers.Conv2D(6, 3, groups=2, padding="same"),
            layers.DepthwiseConv2D(3, strides=2, padding="same"),
            layers.SeparableConv2D(5, 3, padding="same"),
            layers.Conv2DTranspose(2, 2, strides=2),
            layers.BatchNormalization(),
            layers.PReLU(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    found = summarize(model)
    assert found is not None
    assert [each.multiply_adds for each in found.layers] == [
        64 * 9 * 2 * 6,
        16 * 9 * 6,
        16 * (9 * 6 + 6 * 5),
        16 * 4 * 5 * 2,
        0,
        0,
        0,
        128 * 3,
    ]
    assert [each.shape for each in found.layers[:2]] == [(8, 8, 6), (4, 4, 6)]
    assert found.weights == model.count_params()
    assert found.weights - found.trainable == 4  # the means and variances of two channels


@pytest.mark.tensorflow
def test_a_network_within_is_one_layer_beside_a_head() -> None:
    """A backbone has one row; a network that was only wrapped has all of its own."""
    from keras import Input, Model, Sequential, layers

    backbone = Sequential([Input((4, 4, 3)), layers.Conv2D(2, 3), layers.Flatten()], name="inner")
    pixels = Input((4, 4, 3))
    wrapped = summarize(Model(pixels, layers.Softmax()(backbone(layers.Rescaling(2)(pixels)))))
    headed = summarize(Model(pixels, layers.Dense(2)(backbone(pixels))))
    assert wrapped is not None
    assert headed is not None
    assert [each.kind for each in wrapped.layers][1:] == [
        "Rescaling",
        "Conv2D",
        "Flatten",
        "Softmax",
    ]
    assert [(each.name, each.weights, each.multiply_adds, each.layers) for each in headed.layers][
        1
    ] == ("inner", 56, 216, 2)
    assert [len(each.layers) for each in layer_groups(wrapped, 9)] == [2, 1, 2]


@pytest.mark.tensorflow
def test_a_model_without_a_graph() -> None:
    """A model that has no graph of layers yet is not described."""
    from keras import Sequential, layers

    assert summarize(Sequential([layers.Dense(1)])) is None
