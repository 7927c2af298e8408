"""An optimizer's average of the weights is what is validated and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.training.steps import averaged_weights
from imgrec.workflows.training import train
from tests.conftest import FEW_STEPS, TINY


def _model(*, use_ema: bool, scaled: bool = False) -> Any:
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    optimizer = keras.optimizers.SGD(1.0, use_ema=use_ema, ema_momentum=0.5)
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def _weights(model: Any) -> list[Any]:
    return [np.array(variable) for variable in model.trainable_variables]


@pytest.mark.parametrize("scaled", [False, True])
def test_the_average_is_lent_for_a_while(scaled: bool) -> None:  # noqa: FBT001
    """Within the block the mean of the steps; afterwards their last, bit for bit."""
    model, seen = _model(use_ema=True, scaled=scaled), []
    for _ in range(2):
        model.train_on_batch(np.full((1, 2), 0.1), np.ones((1, 1)))
        seen.append(_weights(model))
    with averaged_weights(model):
        inside = _weights(model)
    for first, second, mean, after in zip(*seen, inside, _weights(model), strict=True):
        np.testing.assert_allclose(mean, (first + second) / 2, rtol=1e-6)
        np.testing.assert_array_equal(after, second)
    assert not np.array_equal(inside[0], seen[1][0])


def test_what_no_gradient_moves_is_not_averaged() -> None:
    """Batch normalization's mean and variance stay those of the training itself."""
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    model.compile(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), "mse")
    model.train_on_batch(np.array([[1, 2], [3, 5]], np.float32), np.ones((2, 2)))
    before = model.get_weights()
    model.train_on_batch(np.array([[2, 4], [6, 1]], np.float32), np.ones((2, 2)))
    own = model.get_weights()
    with averaged_weights(model):
        lent = model.get_weights()
    for index, weight in enumerate(model.weights):
        assert not np.array_equal(own[index], before[index])
        assert np.array_equal(lent[index], own[index]) == ("moving" in weight.path)


def test_without_an_average_nothing_changes() -> None:
    """The weights are the model's own."""
    model = _model(use_ema=False)
    before = _weights(model)
    with averaged_weights(model):
        np.testing.assert_array_equal(_weights(model)[0], before[0])


def test_the_saved_models_are_the_averaged_ones(tmp_path: Path) -> None:
    """last.keras answers what the validation of the last epoch measured."""
    import keras

    ema = "training.optimizer={Adam: {learning_rate: 1e-2, use_ema: true, ema_momentum: 0.9}}"
    few = [ema, "training.export=[]", *FEW_STEPS]
    run = train(parse(TINY, "tiny.yaml", few), runs_dir=tmp_path).run
    saved = keras.models.load_model(run.path / "last.keras").get_weights()
    with np.load(max(run.state.glob("*.npz"))) as arrays:
        stored = [arrays[str(number)] for number in range(len(arrays) - 1)]
    for weight in saved:
        same = [np.array_equal(weight, other) for other in stored if other.shape == weight.shape]
        assert any(same)  # the average, among the optimizer's variables
        assert not same[0]  # the first of this shape is the training's own
