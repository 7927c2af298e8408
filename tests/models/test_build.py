"""Configs become the Keras models that they describe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import load, parse
from imgrec.errors import ConfigError, RunError, UsageError
from imgrec.models.backbone import check_classifier
from imgrec.workflows.experiment_sections import build_network

HEAD = """
name: t
data: {root: photos, image_size: [%s], channels: 3}
model:
"""


def _experiment(model: str, size: str = "16, 16", extra: str = "") -> Experiment:
    return parse(HEAD % size + model + extra, "t.yaml")


def _kinds(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_cat_dog_is_the_network_of_the_tutorial() -> None:
    """Four convolutions with pooling, dense 512, one unit: 3,453,121 parameters."""
    model = build_network(load("configs/cat_dog.yaml"), 2)
    assert _kinds(model) == [
        "InputLayer",
        "Rescaling",
        *["Conv2D", "MaxPooling2D"] * 4,
        "Flatten",
        "Dense",
        "Dense",
    ]
    assert model.count_params() == 3_453_121
    assert model.output_shape == (None, 1)


def test_the_output_layer_has_a_unit_per_class() -> None:
    """Softmax over the classes sums to 1, in float32."""
    model = build_network(_experiment("  layers: [Flatten]"), 7)
    probabilities = model.predict(np.zeros((2, 16, 16, 3)), verbose=0)
    assert probabilities.shape == (2, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("output", "units", "classes"), [("softmax", 7, 7), ("softmax", 2, 2), ("sigmoid", 1, 2)]
)
def test_an_output_layer_in_the_config_is_not_added_again(
    output: str, units: int, classes: int
) -> None:
    """A last layer that equals the output layer is that layer."""
    written = f"  output: {output}\n  layers: [Flatten, Dense: [{units}, {output}]]"
    model = build_network(_experiment(written), classes)
    assert _kinds(model) == ["InputLayer", "Flatten", "Dense"]
    assert model.layers[-1].name == "probabilities"
    assert model.output_shape == (None, units)


def test_a_last_layer_of_several_sigmoids_is_hidden() -> None:
    """Only one unit with sigmoid is the output layer for two classes."""
    written = "  output: sigmoid\n  layers: [Flatten, Dense: [2, sigmoid]]"
    assert _kinds(build_network(_experiment(written), 2))[1:] == ["Flatten", "Dense", "Dense"]


def test_rescaling_is_in_the_model() -> None:
    """Pixels of 255 reach the first layer as 1."""
    experiment = _experiment("  layers: [Flatten]", extra="\npreprocessing: {rescale: 1/255}")
    model = build_network(experiment, 2)
    rescaled = model.get_layer("rescale")(np.full((1, 16, 16, 3), 255.0))
    np.testing.assert_allclose(rescaled, 1, rtol=1e-6)


def test_repeat_and_residual_build_what_they_stand_for() -> None:
    """Twice a residual block of halved size: each gets a projection of its input."""
    model = build_network(
        _experiment("""
  layers:
    - Repeat:
        times: 2
        layers:
          - Residual:
              activation: relu
              layers:
                - Conv2D: {filters: 4, kernel_size: 3, strides: 2, padding: same}
                - BatchNormalization
    - GlobalAveragePooling2D
"""),
        3,
    )
    kinds = _kinds(model)
    assert kinds.count("Conv2D") == 4
    assert kinds.count("Add") == kinds.count("Activation") == 2
    assert model.output_shape == (None, 3)


def test_a_residual_of_equal_shape_adds_its_input_untouched() -> None:
    """With a block that gives zeros the output is the input."""
    model = build_network(
        _experiment("""
  layers:
    - Residual: {layers: [{Conv2D: {filters: 3, kernel_size: 1, kernel_initializer: zeros}}]}
    - GlobalAveragePooling2D
"""),
        2,
    )
    import keras

    pixels = np.random.default_rng(0).random((1, 16, 16, 3)).astype(np.float32)
    pooled = keras.Model(model.input, model.layers[-2].output).predict(pixels, verbose=0)
    np.testing.assert_allclose(pooled, pixels.mean(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            (
                "  layers:\n    - Conv2D: {filters: 2, kernel_size: 3}\n"
                "    - MaxPooling2D: {pool_size: 20}\n    - Flatten"
            ),
            (
                "line 7: model.layers[1].MaxPooling2D: the image is only 14 x 14 here; "
                "remove a pooling layer or increase data.image_size"
            ),
        ),
        (
            "  layers:\n    - Conv2D: {filters: 2, kernel_size: 17}\n    - Flatten",
            "line 6: model.layers[0].Conv2D: the image is only 16 x 16 here; ",
        ),
        ("  layers:\n    - Flatten\n    - GlobalAveragePooling2D", "line 7: model.layers[1]."),
        (
            "  layers:\n    - Conv2D: {filters: 2, kernel_size: 3}",
            (
                "line 5: model.layers: the output of the layers is 14 x 14 x 2, not a vector; "
                "end them with Flatten or GlobalAveragePooling2D"
            ),
        ),
        (
            "  layers:\n    - Flatten\n    - LayerNormalization: {axis: 5}",
            "line 7: model.layers[1].LayerNormalization: ",
        ),
        (
            "  layers:\n    - Flatten\n    - Dense: [8, softmax]",
            (
                "line 7: model.layers[1].Dense.units: is 8, but an output layer with softmax has "
                "one unit per class, 2; leave this layer out, since the output layer is added"
            ),
        ),
        (
            "  layers:\n    - ReLU: {name: a}\n    - ReLU: {name: a}\n    - Flatten",
            'line 5: model.layers: The name "a" is used 2 times in the model.',
        ),
    ],
)
def test_a_shape_that_does_not_work_is_reported_with_its_line(model: str, message: str) -> None:
    """Keras' own finding comes with file, line and key path."""
    with pytest.raises(ConfigError) as caught:
        build_network(_experiment(model), 2)
    assert caught.value.message.startswith(f"t.yaml, {message}")


def test_mixed_precision_keeps_pixels_and_probabilities_in_float32() -> None:
    """Hidden layers compute in float16; input, rescaling and output don't."""
    experiment = _experiment(
        "  layers: [Flatten, {Dense: {units: 4}}]", extra="\npreprocessing: {rescale: 1/255}"
    )
    model = build_network(experiment, 2, policy="mixed_float16")
    assert model.get_layer("rescale").compute_dtype == "float32"
    assert model.layers[-2].compute_dtype == "float16"
    assert model.output.dtype == "float32"

    import keras

    assert keras.config.dtype_policy().name == "float32"


def test_a_backbone_brings_its_own_preprocessing(shared: Callable[[str], Path]) -> None:
    """VGG16 with its weights gives the features that keras.applications gives."""
    weights = shared("weights/vgg16_imagenet_notop.h5")
    experiment = load(
        "configs/vgg16_transfer.yaml",
        [f"model.backbone.weights={weights}", "data.image_size=[40, 48]"],
    )
    model = build_network(experiment, 2)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 40, 48, 3)).astype(np.float32)

    import keras

    vgg16 = keras.applications.vgg16
    network = vgg16.VGG16(include_top=False, weights=weights, input_shape=(40, 48, 3))
    expected = network.predict(vgg16.preprocess_input(pixels.copy()), verbose=0)
    pooling = next(layer for layer in model.layers if "pooling" in layer.name)
    found = keras.Model(model.input, pooling.input).predict(pixels, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    assert not model.get_layer("vgg16").trainable_weights


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV2",
        pytest.param("EfficientNetB0", marks=pytest.mark.slow),
        pytest.param("ResNet50V2", marks=pytest.mark.slow),
        pytest.param("NASNetMobile", marks=pytest.mark.slow),
        pytest.param("ConvNeXtTiny", marks=pytest.mark.slow),
    ],
)
def test_any_classifier_of_keras_applications_may_stand_there(name: str, tmp_path: Path) -> None:
    """Built with random weights, saved and loaded in safe mode it answers the same."""
    experiment = _experiment(
        f"  backbone: {{name: {name}, weights: null}}\n  layers: [GlobalAveragePooling2D]", "32, 32"
    )
    model = build_network(experiment, 3)
    model.save(tmp_path / "m.keras")

    import keras

    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_array_equal(loaded.predict_on_batch(pixels), model.predict_on_batch(pixels))


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_weights_that_cannot_be_had_are_reported(tmp_path: Path, content: bytes | None) -> None:
    """A missing and a damaged file: a RunError that names them."""
    path = tmp_path / "w.h5"
    if content is not None:
        path.write_bytes(content)
    experiment = _experiment(
        f"  backbone: {{name: VGG16, weights: {path}}}\n  layers: [Flatten]", "32, 32"
    )
    with pytest.raises(RunError, match=r"w\.h5"):
        build_network(experiment, 2)


def test_more_layers_than_keras_can_connect_are_refused() -> None:
    """Keras needs a level of Python's stack for each layer."""
    layers = ", ".join(["Flatten"] * sys.getrecursionlimit())
    with pytest.raises(ConfigError, match=r"model\.layers: Keras can't connect 1,000 layers"):
        build_network(_experiment(f"  layers: [{layers}]", "1, 1"), 2)


def test_an_unknown_classifier_comes_with_the_nearest() -> None:
    """A name that Keras doesn't have is wrong usage."""
    with pytest.raises(UsageError, match=r"MobilNetV2; did you mean MobileNetV2\?$") as caught:
        check_classifier("MobilNetV2")
    assert caught.value.exit_status == 2
    with pytest.raises(UsageError, match=r"classifier zzz$"):
        check_classifier("zzz")


def test_a_missing_network_connection_is_reported_first(tmp_path: Path) -> None:
    """Weights that can't be fetched: why, and what to give instead."""
    nowhere = "http://127.0.0.1:9"
    environment = {
        **{key: value for key, value in os.environ.items() if key.lower() != "no_proxy"},
        "KERAS_HOME": str(tmp_path),
        "https_proxy": nowhere,
        "http_proxy": nowhere,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    code = (
        "from imgrec.config.load import load\n"
        "from imgrec.workflows.experiment_sections import build_network\n"
        "try: build_network(load('vgg16_transfer'), 2)\n"
        "except Exception as error: print(error, error.hint, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    message, hint = done.stdout.splitlines()
    assert message.startswith("no network, or the host can't be reached: the weights imagenet of ")
    assert "`model.backbone.weights: FILE` in the config" in hint
