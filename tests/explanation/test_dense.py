"""The fully convolutional network says at one place what the classifier says of the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgrec.errors import BadImage, RunError
from imgrec.explanation.dense import FullyConvolutional, segments, shares, things
from imgrec.explanation.values import Area
from imgrec.models.backend import start
from imgrec.models.network import with_ood_similarity
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.scores import ONE_LABEL, Decision
from tests.explanation.made import SIDE, SPEC, network, picture, spotted


def flattened() -> Any:
    """Dense layers after Flatten, with dropout and normalisation between them."""
    from keras import layers

    return network(
        *(layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu")),
        *(layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5)),
        *(layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5)),
        layers.Dense(3, activation="softmax", name="probabilities"),
    )


def normalised() -> Any:
    """A layer with a weight for each flattened value."""
    from keras import layers

    return network(
        *(layers.Rescaling(1 / 255), layers.Conv2D(2, 5, strides=4), layers.Flatten()),
        *(layers.LayerNormalization(), layers.ReLU()),
        layers.Dense(1, activation="sigmoid", name="probabilities"),
    )


def topped() -> Any:
    """Operations on the pixels, and MobileNet's top: a pooling that keeps axes, a convolution."""
    from keras import layers

    return network(
        *(lambda pixels: 1 - pixels / 255, layers.Conv2D(6, 3, strides=2, activation="relu")),
        *(layers.GlobalAveragePooling2D(keepdims=True), layers.Dropout(0.5), layers.Conv2D(3, 1)),
        *(layers.Reshape((3,)), layers.Activation("softmax")),
    )


def weighed(*, kept: bool = False) -> Any:
    """Channels weighed by the mean of each (squeeze and excitation), before the last pooling.

    kept: whether that keeps the axes, or they are made again.
    """
    import keras
    from keras import layers

    pixels = keras.Input((SIDE, SIDE, 3))
    features = network(layers.Rescaling(1 / 255), layers.Conv2D(6, 3, strides=2))(pixels)
    squeezed = layers.GlobalAveragePooling2D(keepdims=kept)(features)
    squeezed = squeezed if kept else layers.Reshape((1, 1, 6))(squeezed)
    weights = layers.Conv2D(6, 1, activation="sigmoid")(squeezed)
    tensor = layers.GlobalAveragePooling2D()(layers.Multiply()([features, weights]))
    return keras.Model(pixels, layers.Dense(3, activation="softmax")(tensor))


def pooled() -> Any:
    """A nested backbone, the mean and the maximum of its map, and the softmax apart."""
    import keras
    from keras import layers

    pixels = keras.Input((SIDE, SIDE, 3))
    backbone = network(
        layers.Conv2D(6, 3, padding="same", activation="relu"), layers.AveragePooling2D(2)
    )
    features = backbone(layers.Rescaling(1 / 255)(pixels))
    both = [layers.GlobalAveragePooling2D()(features), layers.GlobalMaxPooling2D()(features)]
    logits = layers.Dense(3, name="probabilities")(layers.Concatenate()(both))
    return keras.Model(pixels, layers.Softmax()(logits))


def familiar() -> Any:
    """A model with an OOD output that is computed from the features of Flatten."""
    from keras import layers

    model = network(
        *(layers.Rescaling(1 / 255), layers.Conv2D(4, 5, strides=4, activation="relu")),
        *(layers.Flatten(), layers.Dense(2, activation="softmax", name="probabilities")),
    )
    known = np.random.default_rng(0).normal(size=(5, 4 * 7 * 7)).astype(np.float32)
    return with_ood_similarity(model, known / np.linalg.norm(known, axis=1, keepdims=True))


def weighed_by_kept_axes() -> Any:
    """As MobileNetV3 does it."""
    return weighed(kept=True)


def of_two_sizes(second: tuple[int, int]) -> Any:
    """The means of two maps, the second with strides, side by side."""
    from keras import layers

    def both(pixels: Any) -> Any:
        maps = [layers.Conv2D(4, 3)(pixels), layers.Conv2D(4, 3, strides=second)(pixels)]
        return layers.Concatenate()([layers.GlobalAveragePooling2D()(each) for each in maps])

    return network(both, layers.Dense(3, activation="softmax"))


@pytest.mark.parametrize(
    "build",
    [flattened, normalised, pooled, topped, weighed, weighed_by_kept_axes, familiar],
)
def test_at_the_training_size_it_is_the_classifier(build: Callable[[], Any]) -> None:
    """One place, with the answer of the model to 1e-5; and no dense layer is left."""
    start("cpu")
    model = build()
    dense = FullyConvolutional(model)
    pixels = np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    for image in pixels:
        expected = np.asarray(model(image[None].astype(np.float32), training=False))
        np.testing.assert_allclose(dense(image), expected[None], atol=1e-5)


@pytest.mark.parametrize("build", [flattened, pooled, topped])
def test_each_place_of_a_larger_picture_is_its_window(build: Callable[[], Any]) -> None:
    """Where nothing is padded, a place has the answer of the classifier for the window there."""
    start("cpu")
    model = build()
    image = np.random.default_rng(1).integers(0, 256, (SIDE + 8, SIDE + 20, 3), np.uint8)
    found = FullyConvolutional(model)(image)
    assert found.shape[:2] == (5, 11)
    if build is not pooled:
        for row, column in ((0, 0), (2, 7), (4, 10)):
            window = image[2 * row : 2 * row + SIDE, 2 * column : 2 * column + SIDE]
            expected = np.asarray(model(window[None].astype(np.float32), training=False))[0]
            np.testing.assert_allclose(found[row, column], expected, atol=1e-5)


def test_what_cant_be_rewritten_is_named() -> None:
    """A model without convolutions, one that pools everything first, a layer of another kind."""
    from keras import layers, ops

    start("cpu")
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    with pytest.raises(RunError, match="no convolution for dense"):
        FullyConvolutional(network(layers.Flatten(), layers.Dense(2)))
    first = [layers.Conv2D(2, 3), lambda tensor: ops.mean(tensor, axis=(1, 2)), layers.Softmax()]
    with pytest.raises(RunError, match="pools all of the picture") as caught:
        FullyConvolutional(network(*first))(pixels)
    assert "windows" in caught.value.hint
    odd = [layers.Conv2D(2, 3), layers.Flatten(), layers.RepeatVector(2), layers.Flatten()]
    with pytest.raises(RunError, match="can't write a RepeatVector after the flattening"):
        FullyConvolutional(network(*odd))(pixels)


def test_means_of_maps_of_two_sizes_are_named() -> None:
    """Places of the one are not places of the other."""
    start("cpu")
    pixels = np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8)
    assert FullyConvolutional(of_two_sizes((1, 1)))(pixels).shape == (33, 33, 3)
    with pytest.raises(RunError, match=r"can't join what \w+ takes: maps of different sizes"):
        FullyConvolutional(of_two_sizes((2, 2)))(pixels)


def test_a_network_that_answers_once_for_any_picture_has_no_map() -> None:
    """As one that makes every picture its own size."""
    from keras import layers

    start("cpu")
    model = network(
        *(layers.Resizing(SIDE, SIDE), layers.Conv2D(3, 1), layers.GlobalAveragePooling2D()),
        layers.Dense(3, activation="softmax"),
    )
    engine = KerasEngine(model, ("a", "b", "c"), SPEC)
    made = picture(spotted(Area(0, 0, 50, 50), (300, 100)))
    with pytest.raises(RunError, match="dense finds no map"):
        segments(FullyConvolutional(model), engine, made, ONE_LABEL)


def test_a_picture_is_explained_place_by_place() -> None:
    """Red on the left and blue on the right are two regions, each of its half."""
    from keras import layers

    start("cpu")
    convolution = layers.Conv2D(3, 1)
    dense = layers.Dense(3, activation="softmax")
    model = network(
        *(layers.Rescaling(1 / 255), convolution, layers.MaxPooling2D(8)),
        *(layers.GlobalAveragePooling2D(), dense),
    )
    convolution.set_weights([np.eye(3)[None, None], np.zeros(3)])
    dense.set_weights([20 * np.eye(3)[:, [0, 2, 1]], np.array([0, 0, 5])])
    engine = KerasEngine(model, ("red", "blue", "dark"), SPEC)
    image = spotted(Area(0, 0, 150, 100), (300, 100))
    image.paste((0, 0, 255), (150, 0, 300, 100))
    found = segments(FullyConvolutional(model), engine, picture(image), ONE_LABEL)
    left, right = things(found, engine.classes, image.size)
    assert {each.class_name for each in (left, right)} == {"red", "blue"}
    for each in (left, right):
        half = Area(0, 0, 150, 100) if each.class_name == "red" else Area(150, 0, 300, 100)
        assert each.area.overlap(half) > 0.8
    measured = shares(found, engine.classes, image.size)
    assert measured["red"] == pytest.approx(0.5, abs=0.1)
    assert sum(measured.values()) == pytest.approx(1)
    unknown = segments(FullyConvolutional(model), engine, picture(image), Decision(1.01))
    assert shares(unknown, engine.classes, image.size) == {}


def test_several_labels_of_a_place_are_each_found() -> None:
    """By the threshold of each class, not the most probable alone; a region has its own score."""
    from keras import layers

    start("cpu")
    convolution, dense = layers.Conv2D(3, 1), layers.Dense(3, activation="sigmoid")
    model = network(
        *(layers.Rescaling(1 / 255), convolution, layers.MaxPooling2D(8)),
        *(layers.GlobalAveragePooling2D(), dense),
    )
    convolution.set_weights([np.eye(3)[None, None], np.zeros(3)])
    dense.set_weights([np.array([[2, 1, 0], [0, 0, 0], [0, 4, 0]]), np.array([-1, -1, -9])])
    engine = KerasEngine(model, ("red", "any", "dark"), SPEC)
    image = Image.new("RGB", (300, 100), (255, 0, 0))
    image.paste((0, 0, 255), (150, 0, 300, 100))
    least = Decision(class_thresholds=(0.7, 0.4, 0.5))
    found = segments(FullyConvolutional(model), engine, picture(image), least)
    boxes = {each.class_name: each for each in things(found, engine.classes, image.size)}
    assert boxes["red"].area.overlap(Area(0, 0, 150, 100)) > 0.8
    assert boxes["any"].area.overlap(Area(0, 0, 300, 100)) > 0.95
    assert set(boxes) == {"red", "any"}
    assert (boxes["red"].score, boxes["any"].score) == pytest.approx((0.731, 0.953), abs=0.01)


def test_a_layer_of_one_size_is_named() -> None:
    """What learned a number for each place of a map can't look at a larger one."""
    from keras import layers

    start("cpu")
    model = network(
        *(layers.Conv2D(3, 1), layers.PReLU(), layers.GlobalAveragePooling2D()),
        layers.Dense(3, activation="softmax"),
    )
    with pytest.raises(RunError, match=r"can't use the PReLU \S+: it takes maps of one size alone"):
        FullyConvolutional(model)(np.zeros((2 * SIDE, 2 * SIDE, 3), np.uint8))


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((100, 15), "100x15 pixels, smaller than the smallest window (16x16)"),
        ((16 * 17, 16), "272x16 pixels: one side is over 16 times the other"),
    ],
)
def test_a_picture_that_is_too_small_or_long_is_named(size: tuple[int, int], reason: str) -> None:
    """Nothing is computed for it."""
    start("cpu")
    model = flattened()
    engine = KerasEngine(model, ("a", "b", "c"), SPEC)
    made = picture(spotted(Area(0, 0, 1, 1), size))
    with pytest.raises(BadImage) as caught:
        segments(FullyConvolutional(model), engine, made, ONE_LABEL)
    assert caught.value.reason == reason
