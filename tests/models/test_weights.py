"""Weights from files, for networks written out in layers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from imgrec.config.load import load, parse
from imgrec.errors import ConfigError, RunError
from imgrec.models.network.weights import read_weights
from imgrec.workflows.experiment_sections import build_network

CONFIG = """
name: x
data: {{root: photos, image_size: [8, 8]}}
model:
  weights: {weights}
  layers:
    - Conv2D: {{name: first, filters: 2, kernel_size: 3}}
    - Flatten
    - Dense: {{name: second, units: 4}}
"""
SHAPES = {"first": [(3, 3, 3, 2), (2,)], "second": [(72, 4), (4,)], "answer": [(4, 3), (3,)]}


def arrays(**changed: Any) -> dict[str, list[np.ndarray]]:
    """Return arrays of the layers of CONFIG, of 3 classes; `changed` has other shapes."""
    random = np.random.default_rng(0)
    shapes = SHAPES | changed
    return {
        name: [random.random(shape, np.float32) for shape in each] for name, each in shapes.items()
    }


def older(path: Path, layers: dict[str, list[np.ndarray]], inner: str = "") -> Path:
    """Write the layout of keras.applications' files; `inner` is that of whole models."""
    with h5py.File(path, "w") as file:
        group = file.create_group(inner) if inner else file
        group.attrs["layer_names"] = [name.encode() for name in ("input", *layers)]
        group.create_group("input").attrs["weight_names"] = np.array([], "S")
        for name, values in layers.items():
            names = [f"{name}/{kind}:0" for kind in ("kernel", "bias")]
            group.create_group(name).attrs["weight_names"] = [each.encode() for each in names]
            for each, value in zip(names, values, strict=True):
                group[name][each] = value
    return path


def built(path: Path, classes: int = 3) -> Any:
    """Return the model of CONFIG with weights from `path`."""
    return build_network(parse(CONFIG.format(weights=path), "x.yaml"), classes)


@pytest.mark.parametrize("inner", ["", "model_weights"])
def test_legacy_files_are_read(tmp_path: Path, inner: str) -> None:
    """Of weights or of whole models: each layer gets its arrays, the output layer the last."""
    wanted = arrays()
    check_loaded(built(older(tmp_path / "a.h5", wanted, inner)), wanted)


def check_loaded(model: Any, wanted: dict[str, list[np.ndarray]]) -> None:
    """Check that the layers of CONFIG have these weights, and the output layer the last."""
    for name, layer in (("first", "first"), ("second", "second"), ("answer", "probabilities")):
        for value, found in zip(wanted[name], model.get_layer(layer).get_weights(), strict=True):
            np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", ["a.keras", "a.weights.h5"])
def test_files_that_keras_writes_are_read(tmp_path: Path, name: str, *, nested: bool) -> None:
    """Those of a whole model and of its weights, with the names of the layers, nested ones too."""
    import keras

    pixels = keras.Input((8, 8, 3))
    convolution: Any = keras.layers.Conv2D(2, 3, name="first")
    if nested:
        convolution = keras.Sequential([keras.Input((8, 8, 3)), convolution])
    features = keras.layers.Flatten()(convolution(pixels))
    features = keras.layers.Dense(4, name="second")(features)
    model = keras.Model(pixels, keras.layers.Dense(3, name="answer")(features))
    if name.endswith(".keras"):
        model.save(tmp_path / name)
    else:
        model.save_weights(tmp_path / name)

    wanted = {name: model.get_layer(name).get_weights() for name in ("second", "answer")}
    check_loaded(built(tmp_path / name), wanted | {"first": convolution.get_weights()})


def test_other_classes_get_a_new_last_layer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With other classes the last layer keeps its random weights, and the log names it."""
    path = older(tmp_path / "a.h5", arrays())
    with caplog.at_level(logging.INFO, "imgrec"):
        model = built(path, classes=5)
    assert caplog.messages == [
        f"{path}: answer is for other classes, skipped",
        f"{path}: no weights for probabilities; starting at random",
    ]
    np.testing.assert_array_equal(model.get_layer("second").get_weights()[0], arrays()["second"][0])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (arrays(first=[(3, 3, 3, 7), (7,)]), r"first has weights of 3 x 3 x 3 x 2 and 2, in .* 7"),
        (
            {"other": arrays()["first"], **arrays()},
            r"network: the config lacks layers other, answer; its layers",
        ),
        ({}, "contains no weights of layers"),
    ],
)
def test_weights_that_do_not_fit_are_reported(
    tmp_path: Path, layers: dict[str, list[np.ndarray]], message: str
) -> None:
    """No layer is left out in silence."""
    with pytest.raises(RunError, match=message):
        built(older(tmp_path / "a.h5", layers))


def test_a_file_of_another_kind_is_reported(tmp_path: Path) -> None:
    """Missing, or something else: named."""
    (tmp_path / "a.h5").write_bytes(b"no weights")
    for name in ("a.h5", "missing.h5"):
        with pytest.raises(RunError, match=name):
            read_weights(tmp_path / name)


@pytest.mark.parametrize("place", ["layers", "layers/dense", "layers/dense/vars"])
def test_numbers_in_place_of_a_group_are_reported(tmp_path: Path, place: str) -> None:
    """The place in the file is named."""
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file[place] = np.zeros(3)
    with pytest.raises(RunError, match=f"/{place} is a data set in place of a group"):
        read_weights(tmp_path / "a.weights.h5")


def test_layers_without_a_name_are_found(tmp_path: Path) -> None:
    """The names that Keras gives are equal in each network of a process, here the third."""
    config = CONFIG.replace("name: first, ", "").replace("name: second, ", "")
    saved = tmp_path / "best.keras"
    networks = [build_network(parse(config.format(weights="null"), "x.yaml"), 3) for _ in range(2)]
    networks[1].save(saved)
    again = build_network(parse(config.format(weights=saved), "x.yaml"), 3)
    for name in ("conv2d", "dense"):
        kernel = networks[1].get_layer(name).kernel
        np.testing.assert_array_equal(again.get_layer(name).kernel, kernel)


@pytest.mark.parametrize(
    ("weights", "message"),
    [("imagenet/VGG61", "unknown application 'VGG61'; did you mean 'VGG19'"), ("''", "weights")],
)
def test_an_unknown_name_is_reported_before_keras_is_loaded(weights: str, message: str) -> None:
    """The config's own check names the nearest."""
    with pytest.raises(ConfigError, match=message):
        parse(CONFIG.format(weights=weights), "x.yaml")


def test_application_preprocessing_is_that_of_keras() -> None:
    """`preprocessing.application` is the `preprocess_input` of that module."""
    import keras

    text = CONFIG.format(weights="null") + "preprocessing: {application: VGG16}\n"
    model = build_network(parse(text, "x.yaml"), 3)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype(np.float32)
    inside = keras.Model(model.input, model.get_layer("first").input)
    np.testing.assert_array_equal(
        inside(pixels), keras.applications.vgg16.preprocess_input(pixels.copy())
    )
    with pytest.raises(ConfigError, match="VGG16 has its own preprocessing; leave out rescale"):
        parse(text.replace("VGG16}", "VGG16, rescale: 1/255}"), "x.yaml")


def test_the_convolutions_of_vgg16_answer_as_those_of_keras(
    shared: Callable[[str], Path],
) -> None:
    """The shipped config's 13 convolutions with the published weights equal the backbone's."""
    import keras

    path = shared("weights/vgg16_imagenet_notop.h5")
    overrides = [f"model.weights={path}", "data.image_size=[64, 64]"]
    model = build_network(load("vgg16", overrides), 2)
    theirs = keras.applications.VGG16(include_top=False, weights=path, input_shape=(64, 64, 3))
    ours = keras.Model(model.input, model.get_layer("block5_pool").output)

    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    expected = theirs(keras.applications.vgg16.preprocess_input(pixels.copy()))
    np.testing.assert_allclose(ours(pixels), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
def test_vgg16_answers_as_that_of_keras(tmp_path: Path) -> None:
    """All 16 layers, by name, from a file in the layout that Keras publishes: equal answers."""
    import keras

    theirs = keras.applications.VGG16(weights=None)
    layers = {layer.name: layer.get_weights() for layer in theirs.layers if layer.weights}
    path = older(tmp_path / "vgg16.h5", layers)
    model = build_network(load("vgg16", [f"model.weights={path}"]), 1000)

    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3)).astype(np.float32)
    expected = theirs(keras.applications.vgg16.preprocess_input(pixels.copy()))
    np.testing.assert_allclose(model(pixels), expected, rtol=1e-5, atol=1e-7)
