"""Every optimizer, schedule, loss and metric that a config may name does its work in a step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from imgrec.config.keras.losses import LOSSES, Truth, truth_of
from imgrec.config.keras.metrics import METRICS, metric_problem
from imgrec.config.keras.optimizers import OPTIMIZERS, SCHEDULES
from imgrec.config.load import parse
from imgrec.models.backend import start
from imgrec.models.keras_objects import make
from imgrec.training.batch import Batch, encode
from imgrec.training.steps import Steps
from imgrec.workflows.experiment_sections import build_steps

OPTIMIZER_ARGUMENTS: dict[str, Any] = {
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "clipnorm": 1.0,
    "use_ema": True,
    "ema_overwrite_frequency": 1,
}
SCHEDULE_ARGUMENTS: dict[str, dict[str, Any]] = {
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 2},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 3, "m_mul": 0.5},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 2, "cycle": True},
    "PiecewiseConstantDecay": {"boundaries": [1], "values": [0.1, 0.01]},
}
METRIC_ARGUMENTS: dict[str, dict[str, Any]] = {
    "F1Score": {"average": "macro", "threshold": 0.5},
    "FBetaScore": {"average": "weighted", "threshold": 0.5, "beta": 2.0},
    "TopKCategoricalAccuracy": {"k": 2},
    "SparseTopKCategoricalAccuracy": {"k": 2},
}
CONFIG = """
name: vocabulary
data: {loader: digits, image_size: [4, 4], channels: 1}
preprocessing: {rescale: 1/255}
model: {layers: [Flatten, {Dense: {units: 4, activation: tanh}}]}
"""
FITTING: list[tuple[str, str]] = [
    (name, output)
    for name, cls in LOSSES.items()
    for output in ("softmax", "sigmoid")
    if truth_of(cls, output)
]
LOSS_OF: dict[Truth, tuple[str, str]] = {
    "one_hot": ("CategoricalCrossentropy", "softmax"),
    "index": ("SparseCategoricalCrossentropy", "softmax"),
    "binary": ("BinaryCrossentropy", "sigmoid"),
}


def _steps(**training: Any) -> tuple[Steps, Batch]:
    """The steps of a tiny network, and six random images of two classes."""
    import keras

    keras.utils.set_random_seed(0)
    output = training.pop("output", "softmax")
    overrides = [f"training.{key}={json.dumps(value)}" for key, value in training.items()]
    experiment = parse(CONFIG, "vocabulary.yaml", [f"model.output={output}", *overrides])
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 4, 4, 1)).astype(np.float32)
    targets = encode(experiment.truth, random.integers(0, 2, 6), 2)
    steps = build_steps(experiment, 2, start("cpu"), weights=True)
    return steps, Batch(images, targets, np.ones(6, np.float32))


def _weights(steps: Steps) -> list[Any]:
    return [np.array(each) for each in steps.model.get_weights()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_change_every_weight(name: str) -> None:
    """A step with the arguments that all of them share moves kernels and biases."""
    steps, batch = _steps(optimizer={name: OPTIMIZER_ARGUMENTS})
    before = _weights(steps)
    steps.train(batch)
    for old, new in zip(before, _weights(steps), strict=True):
        assert np.isfinite(new).all()
        assert np.abs(new - old).max() > 0


def _moved(**arguments: float) -> tuple[list[Any], list[Any]]:
    """Return the weights before a step of SGD, whose rate is 0.1, and how it moved them."""
    steps, batch = _steps(optimizer={"SGD": {"learning_rate": 0.1, **arguments}})
    before = _weights(steps)
    steps.train(batch)
    return before, [new - old for old, new in zip(before, _weights(steps), strict=True)]


@pytest.mark.parametrize("way", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_gradients_are_clipped(way: str) -> None:
    """To that norm for each variable, to that size for each number, or to that norm for all."""
    _, moved = _moved(**{way: 1e-3})
    sizes = {
        "clipnorm": [np.linalg.norm(each) for each in moved],
        "clipvalue": [np.abs(each).max() for each in moved],
        "global_clipnorm": [np.linalg.norm(np.concatenate([each.ravel() for each in moved]))],
    }
    np.testing.assert_allclose(sizes[way], 0.1 * 1e-3, rtol=1e-2)


def test_weights_decay() -> None:
    """A step takes rate * weight_decay of each weight away, beside what the gradient does."""
    before, plain = _moved()
    _, decayed = _moved(weight_decay=0.5)
    for weight, without, moved in zip(before, plain, decayed, strict=True):
        np.testing.assert_allclose(moved - without, -0.1 * 0.5 * weight, atol=1e-6)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_labels_are_smoothed(output: str) -> None:
    """The loss is that of targets which give 0.2 of their certainty to all classes alike."""
    name = {"softmax": "CategoricalCrossentropy", "sigmoid": "BinaryCrossentropy"}[output]
    steps, batch = _steps(loss={name: {"label_smoothing": 0.2}}, output=output)
    found = np.asarray(steps.model(batch.images, training=False), np.float64)
    both = np.hstack([1 - found, found]) if output == "sigmoid" else found
    truth = np.hstack([1 - batch.targets, batch.targets]) if output == "sigmoid" else batch.targets
    steps.test(batch)
    expected = -((0.8 * truth + 0.1) * np.log(both)).sum(axis=1).mean()
    assert steps.logs()["loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_their_own_arguments(name: str) -> None:
    """Keras takes every argument, written out with its default."""
    import keras

    fields = OPTIMIZERS[name].model_fields
    given = {key: field.default for key, field in fields.items() if field.default is not None}
    assert (
        make(keras.optimizers, OPTIMIZERS[name](**given)).get_config().items()
        >= {key: value for key, value in given.items() if key != "learning_rate"}.items()
    )


def test_every_schedule_has_arguments() -> None:
    """A new schedule comes into the test below."""
    assert set(SCHEDULE_ARGUMENTS) == set(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULE_ARGUMENTS)
def test_schedules_lower_the_rate(name: str) -> None:
    """The rate is below 0.1, where it began, after two steps, and the steps use it."""
    optimizer = {"SGD": {"learning_rate": {name: SCHEDULE_ARGUMENTS[name]}}}
    steps, batch = _steps(optimizer=optimizer)
    assert steps.learning_rate == pytest.approx(0.1)
    steps.train(batch)
    steps.train(batch)
    assert 0 <= steps.learning_rate < 0.09


@pytest.mark.parametrize(("name", "output"), FITTING)
def test_losses_train_towards_the_truth(name: str, output: str) -> None:
    """What a step reports is Keras' loss of the answers, and a few steps lower it."""
    import keras

    optimizer = {"Adam": {"learning_rate": 0.05}}
    steps, batch = _steps(loss=name, output=output, optimizer=optimizer)
    answers = steps.model(batch.images, training=False)
    steps.test(batch)
    before = steps.logs()["loss"]
    loss = getattr(keras.losses, name)()
    assert before == pytest.approx(float(loss(batch.targets, answers)), rel=1e-4)
    for _ in range(5):
        steps.train(batch)
    steps.reset()
    steps.test(batch)
    assert steps.logs()["loss"] < before


def test_every_loss_fits_an_output() -> None:
    """None is left out above."""
    assert {name for name, _ in FITTING} == set(LOSSES)


def _metrics(truth: Truth) -> Iterator[dict[str, Any]]:
    for name, cls in METRICS.items():
        arguments = METRIC_ARGUMENTS.get(name, {})
        if not metric_problem(cls(**arguments), truth):
            yield {name: arguments}


@pytest.mark.parametrize("truth", LOSS_OF)
def test_metrics_are_numbers_in_training_and_validation(truth: Truth) -> None:
    """All that fit a truth, together: each has its own finite entry, none below 0."""
    loss, output = LOSS_OF[truth]
    metrics = list(_metrics(truth))
    steps, batch = _steps(loss=loss, output=output, metrics=metrics)
    for step in (steps.train, steps.test):
        steps.reset()
        step(batch)
        logs = steps.logs()
        assert len(logs) == len(metrics) + 1
        assert all(np.isfinite(value) and value >= 0 for value in logs.values())


def test_every_metric_fits_a_truth() -> None:
    """None is left out above."""
    assert {name for truth in LOSS_OF for each in _metrics(truth) for name in each} == set(METRICS)
