"""Model files as Keras 2 wrote them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.models.formats import check_model_file
from imgrec.models.keras_files import load_model_file

PICTURES = np.random.default_rng(1).random((2, 8, 8, 3), np.float32)

# What Keras 2 wrote for a layer, and Keras 3 does not know.
OLD = {
    "DepthwiseConv2D": {"groups": 1, "kernel_constraint": None},
    "SeparableConv2D": {"groups": 1, "kernel_initializer": "zeros", "kernel_regularizer": "l2"},
    "Conv2DTranspose": {"groups": 1},
    "SpatialDropout2D": {"noise_shape": None, "trainable": True},
    "RandomFlip": {"rng_type": "stateful"},
    "BatchNormalization": {"axis": [3]},
    "Flatten": {
        "dtype": {
            "module": "keras.mixed_precision",
            "class_name": "Policy",
            "config": {"name": "float32"},
        }
    },
}


@pytest.fixture(scope="module")
def model() -> Any:
    """A small model with a layer of each kind in OLD."""
    import keras

    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.RandomFlip(),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.SeparableConv2D(4, 3),
            keras.layers.Conv2DTranspose(2, 2, name="first_transpose"),
            keras.layers.BatchNormalization(),
            keras.layers.SpatialDropout2D(0.2),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def answers(model: Any) -> Any:
    """Return what a model gives for PICTURES, without the changes of its augmentation."""
    return np.asarray(model(PICTURES, training=False))


def rewrite(path: Path, change: Callable[[Any], object]) -> None:
    """Apply `change` to the config in a `.keras` or `.h5` file."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def age(config: Any) -> None:
    """Turn the config of `model` into one of Keras 2."""
    for layer in config["config"]["layers"]:
        layer["config"] |= OLD.get(layer["class_name"], {})
        if layer["config"]["name"] == "first_transpose":
            layer["config"]["name"] = "first/transpose"


@pytest.mark.parametrize("name", ["old.h5", "old.keras"])
def test_arguments_without_effect_are_left_out(model: Any, tmp_path: Path, name: str) -> None:
    """The model loads, passes the checks, and answers the same; the file is not changed."""
    path = tmp_path / name
    model.save(path)
    rewrite(path, age)
    content = path.read_bytes()
    check_model_file(path, "h5" if name.endswith(".h5") else "keras", trust=True)
    loaded = load_model_file(path, trust=True)
    np.testing.assert_array_equal(answers(loaded), answers(model))
    assert path.read_bytes() == content


def test_a_model_in_a_model_is_loaded(tmp_path: Path) -> None:
    """Keras 2 wrote a list around the one output of an inner model, as in Teachable Machine."""
    import keras

    pixels = keras.Input((8, 8, 3))
    inner = keras.Model(pixels, keras.layers.DepthwiseConv2D(3)(pixels))
    layers = [keras.Input((8, 8, 3)), inner, keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.save(tmp_path / "old.h5")

    def change(config: Any) -> None:
        functional = config["config"]["layers"][1]
        functional["class_name"] = "Model"
        functional["config"]["layers"][1]["config"] |= OLD["DepthwiseConv2D"]
        for ends in ("input_layers", "output_layers"):
            functional["config"][ends] = [functional["config"][ends]]

    rewrite(tmp_path / "old.h5", change)
    loaded = load_model_file(tmp_path / "old.h5", trust=True)
    np.testing.assert_array_equal(answers(loaded), answers(model))


@pytest.mark.parametrize(
    ("layer", "change", "message"),
    [
        ("DepthwiseConv2D", {"config": {"name": "a", "groups": 3}}, "can't be loaded: "),
        (
            "Dense",
            {"class_name": "KerasLayer"},
            "needs KerasLayer, which is not a layer of Keras 3",
        ),
    ],
)
def test_what_has_an_effect_is_refused(
    model: Any, tmp_path: Path, layer: str, change: dict[str, Any], message: str
) -> None:
    """The cause stands in one short line, and the hint says how to bring the model."""
    path = tmp_path / "old.h5"
    model.save(path)

    def apply(config: Any) -> None:
        for each in config["config"]["layers"]:
            if each["class_name"] == layer:
                each.update(change)

    rewrite(path, apply)
    with pytest.raises(RunError, match=message) as caught:
        load_model_file(path, trust=True)
    assert len(caught.value.message) < 400
    assert "tf.saved_model.save(model, 'folder')" in caught.value.hint


def test_a_layer_of_others_in_a_keras_file_is_refused(model: Any, tmp_path: Path) -> None:
    """Before it is loaded, with the same way out."""
    path = tmp_path / "hub.keras"
    model.save(path)

    def change(config: Any) -> None:
        config["config"]["layers"][-1] |= {
            "module": "tensorflow_hub.keras_layer", "class_name": "KerasLayer"
        }  # fmt: skip

    rewrite(path, change)
    with pytest.raises(RunError, match=r"needs tensorflow_hub\.keras_layer\.KerasLayer") as caught:
        check_model_file(path, "keras", trust=True)
    assert "tf.saved_model.save(model, 'folder')" in caught.value.hint


def test_weights_alone_are_not_a_model(model: Any, tmp_path: Path) -> None:
    """The message says so, and what they are good for."""
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(RunError, match=r"x\.weights\.h5 contains weights, but no model") as caught:
        check_model_file(tmp_path / "x.weights.h5", "h5", trust=False)
    assert "model.weights" in caught.value.hint


def test_a_file_of_teachable_machine_is_loaded(shared: Callable[[str], Path]) -> None:
    """It gives two probabilities."""
    model = load_model_file(shared("cases/teachable_machine_like.h5"), trust=True)
    pictures = np.zeros((1, 32, 32, 3), np.float32)
    assert np.asarray(model(pictures)).sum() == pytest.approx(1)
