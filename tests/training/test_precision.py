"""Mixed precision is for training: what is saved computes in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imgrec.config.load import parse
from imgrec.models.backend import start
from imgrec.training.steps import Steps
from imgrec.workflows.train import train
from tests.conftest import TINY


def test_hidden_layers_train_in_float16() -> None:
    """The precision that the config asks for is the model's; weights are kept in float32."""
    experiment = parse(TINY, "tiny.yaml", ["training.precision=mixed_float16"])
    steps = Steps(experiment, 10, start("cpu"), weights=True)
    convolution = next(layer for layer in steps.model.layers if "conv" in layer.name)
    assert convolution.compute_dtype == "float16"
    assert {variable.dtype for variable in steps.model.trainable_variables} == {"float32"}


def test_the_saved_model_is_float32(tmp_path: Path) -> None:
    """It learned, every layer of `best.keras` computes in float32, and it answers so."""
    import keras

    overrides = ["training.precision=mixed_float16", "training.epochs=1"]
    result = train(parse(TINY, "tiny.yaml", overrides), runs_dir=tmp_path)
    assert result.evaluation.metrics["accuracy"].value > 0.5
    for name in ("best.keras", "last.keras"):
        model = keras.models.load_model(result.run.path / name)
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
        answer = model.predict_on_batch(np.zeros((1, 8, 8, 1), np.float32))
        assert answer.dtype == np.float32
