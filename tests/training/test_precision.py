"""Mixed precision is for training: what is saved computes in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.errors import RunError
from imgrec.models.backend import start
from imgrec.training.checkpoint import newest_place
from imgrec.workflows.experiment_sections import build_steps
from imgrec.workflows.training import resume, train
from tests.conftest import TINY


def test_hidden_layers_train_in_float16() -> None:
    """The precision that the config asks for is the model's; weights are kept in float32."""
    experiment = parse(TINY, "tiny.yaml", ["training.precision=mixed_float16"])
    steps = build_steps(experiment, 10, start("cpu"), weights=True)
    convolution = next(layer for layer in steps.model.layers if "conv" in layer.name)
    assert convolution.compute_dtype == "float16"
    assert {variable.dtype for variable in steps.model.trainable_variables} == {"float32"}


def test_the_saved_model_is_float32(tmp_path: Path) -> None:
    """It learned, every layer of `best.keras` computes in float32, and it answers so."""
    import keras

    overrides = ["training.precision=mixed_float16", "training.epochs=1", "training.export=[]"]
    result = train(parse(TINY, "tiny.yaml", overrides), runs_dir=tmp_path)
    assert result.evaluation.metrics["accuracy"].value > 0.5
    for name in ("best.keras", "last.keras"):
        model = keras.models.load_model(result.run.path / name)
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
        answer = model.predict_on_batch(np.zeros((1, 8, 8, 1), np.float32))
        assert answer.dtype == np.float32


def test_a_training_in_float16_resumes_exactly(tmp_path: Path) -> None:
    """The scale of the loss and its counter are in the checkpoints, from the first one on."""

    def arrays(run: Path) -> dict[str, Any]:
        with np.load(max((run / "state").glob("*.npz"))) as found:
            return {name: found[name] for name in found if name != "progress"}

    overrides = ["training.precision=mixed_float16", "training.export=[]"]
    whole = train(parse(TINY, "t.yaml", overrides), runs_dir=tmp_path).run
    first = parse(TINY, "t.yaml", [*overrides, "training.epochs=1"])
    resumed = resume(train(first, runs_dir=tmp_path).run, overrides=["training.epochs=2"]).run
    assert newest_place(resumed.state) == "after epoch 2"
    ours, theirs = arrays(resumed.path), arrays(whole.path)
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])


def test_the_first_checkpoint_in_float16_can_be_gone_back_to(tmp_path: Path) -> None:
    """`on_nan: restore` in the first epoch begins it again, until it gives up."""
    overrides = [
        "training.precision=mixed_float16",
        "training.on_nan=restore",
        "training.optimizer={SGD: {learning_rate: 1e12}}",
    ]
    with pytest.raises(RunError, match="after 5 times with half the learning rate"):
        train(parse(TINY, "t.yaml", overrides), runs_dir=tmp_path)
