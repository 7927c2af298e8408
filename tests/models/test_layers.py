"""One battery over every layer, activation and initializer that a config may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from imgrec.config.keras.layers import LAYERS, REGULARIZERS
from imgrec.config.load import parse
from imgrec.sections.section import Function, Initializer
from imgrec.workflows.experiment_sections import build_network

# Each layer as a reader would write it, and with its other arguments.
CASES: dict[str, tuple[str, ...]] = {
    "Conv2D": (
        "{filters: 4, kernel_size: 3}",
        "{filters: 6, kernel_size: [3, 2], strides: [1, 2], padding: same, groups: 3}",
        "{filters: 2, kernel_size: 2, dilation_rate: 2, use_bias: false, activation: relu}",
    ),
    "SeparableConv2D": (
        "{filters: 4, kernel_size: 3}",
        "{filters: 4, kernel_size: 2, dilation_rate: 2, depth_multiplier: 2, padding: same}",
    ),
    "DepthwiseConv2D": (
        "{kernel_size: 3}",
        "{kernel_size: 2, strides: 2, depth_multiplier: 2, depthwise_regularizer: L2}",
    ),
    "MaxPooling2D": ("{}", "{pool_size: [2, 3], strides: 1, padding: same}"),
    "AveragePooling2D": ("{pool_size: 2}", "{pool_size: 3, strides: [1, 2], padding: same}"),
    "GlobalAveragePooling2D": ("{}", "{keepdims: true}"),
    "GlobalMaxPooling2D": ("{}", "{keepdims: true}"),
    "BatchNormalization": ("{}", "{momentum: 0.9, epsilon: 0.01, scale: false}"),
    "LayerNormalization": ("{}", "{axis: 1, center: false}"),
    "GroupNormalization": ("{groups: 3}", "{groups: -1, gamma_initializer: he_normal, axis: 3}"),
    "Dropout": ("{rate: 0.5}",),
    "SpatialDropout2D": ("{rate: 0.5}",),
    "GaussianDropout": ("{rate: 0.5}",),
    "GaussianNoise": ("{stddev: 0.5}",),
    "Activation": tuple(f"{{activation: {name}}}" for name in get_args(Function)),
    "ReLU": ("{}", "{max_value: 6, negative_slope: 0.1, threshold: 0.2}"),
    "LeakyReLU": ("{}", "{negative_slope: 0.1}"),
    "PReLU": ("{}", "{shared_axes: [1, 2], alpha_initializer: ones}"),
    "ELU": ("{}", "{alpha: 0.5}"),
    "Flatten": ("{}",),
    "Dense": (
        "{units: 4}",
        "{units: 3, activation: gelu, bias_initializer: ones, activity_regularizer: L1}",
        *(f"{{units: 2, kernel_initializer: {name}}}" for name in get_args(Initializer)),
    ),
    "ZeroPadding2D": ("{}", "{padding: [1, 0]}", "{padding: [[0, 1], [2, 3]]}"),
    "Residual": (
        "{layers: [{Conv2D: {filters: 3, kernel_size: 3, padding: same}}], activation: relu}",
        "{layers: [{Conv2D: {filters: 4, kernel_size: 3, strides: 2, padding: same}}]}",
        "{layers: [{Residual: {layers: [BatchNormalization]}}]}",
    ),
    "Repeat": (
        "{times: 3, layers: [{Conv2D: {filters: 2, kernel_size: 2}}, ReLU]}",
        "{times: 2, layers: [{Repeat: {times: 2, layers: [ELU]}}]}",
    ),
}
NOISE = {"Dropout", "SpatialDropout2D", "GaussianDropout", "GaussianNoise"}
CONFIG = """
name: battery
data: {{loader: digits, image_size: [6, 6], channels: 3}}
preprocessing: {{rescale: 1/255}}
model: {{layers: [{{{name}: {arguments}}}, Flatten]}}
"""


def _model(name: str, arguments: str) -> Any:
    """The layer between image and output, every weight with another value."""
    model = build_network(parse(CONFIG.format(name=name, arguments=arguments), "battery.yaml"), 3)
    random = np.random.default_rng(0)
    # None is negative: one of them is a variance.
    model.set_weights(
        [random.uniform(0.05, 0.5, each.shape).astype(each.dtype) for each in model.get_weights()]
    )
    return model


def _pixels() -> Any:
    return np.random.default_rng(1).integers(0, 256, (2, 6, 6, 3)).astype(np.float32)


def test_every_layer_has_its_cases() -> None:
    """A new layer of the vocabulary comes into the battery, and none stays that is gone."""
    assert set(CASES) == set(LAYERS)


@pytest.mark.parametrize(
    ("name", "arguments"), [(name, case) for name, cases in CASES.items() for case in cases]
)
def test_battery(name: str, arguments: str, tmp_path: Path) -> None:
    """It computes float32, and its saved file, loaded in safe mode, answers the same."""
    import keras

    model, pixels = _model(name, arguments), _pixels()
    answer = np.asarray(model(pixels, training=False))
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer.sum(axis=-1), 1, rtol=1e-5)
    features = keras.Model(model.input, model.layers[-2].output)
    assert np.asarray(features(pixels, training=False)).std() > 0

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(loaded(pixels, training=False), answer, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", sorted(NOISE))
def test_noise_is_for_training_alone(name: str) -> None:
    """Training steps differ from each other; answers don't."""
    import keras

    keras.utils.set_random_seed(1)  # of the few channels here, two draws may drop the same ones
    model, pixels = _model(name, CASES[name][0]), _pixels()
    training = [np.asarray(model(pixels, training=True)) for _ in range(2)]
    answers = [np.asarray(model(pixels, training=False)) for _ in range(2)]
    assert np.abs(training[0] - training[1]).max() > 0
    np.testing.assert_array_equal(answers[0], answers[1])


@pytest.mark.parametrize(
    ("regularizer", "penalty"),
    [("L1: {l1: 0.5}", 108.0), ("L2: {l2: 0.25}", 108.0), ("L1L2: {l1: 0.5, l2: 0.25}", 216.0)],
)
def test_regularizers_add_their_penalty_to_the_loss(regularizer: str, penalty: float) -> None:
    """Four 3x3 kernels of three channels and value 2: 108 weights."""
    arguments = f"{{filters: 4, kernel_size: 3, kernel_regularizer: {{{regularizer}}}}}"
    model = build_network(
        parse(CONFIG.format(name="Conv2D", arguments=arguments), "battery.yaml"), 3
    )
    for layer in model.layers:
        layer.set_weights([np.full(each.shape, 2.0) for each in layer.get_weights()])
    assert float(sum(model.losses)) == pytest.approx(penalty)


def test_every_regularizer_is_measured() -> None:
    """A new regularizer comes into the test above."""
    assert set(REGULARIZERS) == {"L1", "L2", "L1L2"}
