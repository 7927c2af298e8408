"""Mixed precision is for training: what is saved computes in float32."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.errors import RunError
from imgrec.models import processor
from imgrec.models.backend import describe, start
from imgrec.runs.folder import Run
from imgrec.training.checkpoint import newest_place
from imgrec.training.precision import log_precision
from imgrec.workflows.experiment_sections import build_steps
from imgrec.workflows.training import TrainingResult, resume, train
from tests.cli.killing import assert_same
from tests.conftest import TINY, write_colours
from tests.training.conftest import Make
from tests.workflows.photos import PHOTOS

HALF = ("mixed_float16", "mixed_bfloat16", "bfloat16")


@pytest.mark.parametrize("precision", HALF)
def test_hidden_layers_train_in_half_precision(precision: str) -> None:
    """Mixed precision keeps the weights in float32; float16 alone scales the loss."""
    experiment = parse(TINY, "tiny.yaml", [f"training.precision={precision}"])
    steps = build_steps(experiment, 10, start("cpu"), weights=True)
    convolution = next(layer for layer in steps.model.layers if "conv" in layer.name)
    assert convolution.compute_dtype == precision.removeprefix("mixed_")
    assert convolution.kernel.dtype == ("float32" if "mixed" in precision else precision)
    assert hasattr(steps.model.optimizer, "inner_optimizer") == (precision == "mixed_float16")


@pytest.mark.parametrize("onednn", ["0", "1"])
def test_biases_are_apart_except_in_bfloat16_by_onednn(
    onednn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow without it would add up their gradients less precisely."""
    file = tmp_path / "cpuinfo"
    file.write_text("flags\t\t: avx512_bf16\n")
    monkeypatch.setattr(processor, "INFORMATION", file)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    for precision, apart in (("float32", True), ("mixed_bfloat16", onednn == "0")):
        experiment = parse(TINY, "tiny.yaml", [f"training.precision={precision}"])
        steps = build_steps(experiment, 10, start("cpu"), weights=True)
        convolution = next(layer for layer in steps.model.layers if "conv" in layer.name)
        assert convolution.use_bias != apart


@pytest.fixture(scope="module", params=["mixed_float16", "bfloat16"])
def half(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> TrainingResult:
    """A training in half precision, with averaged weights; tests must not change the run."""
    photos = write_colours(tmp_path_factory.mktemp("half") / "photos")
    ema = "{Adam: {learning_rate: 2e-2, use_ema: true, ema_momentum: 0.9}}"
    overrides = [f"training.precision={request.param}", "training.epochs=8"]
    overrides.append("model.layers=[Flatten, Dropout: {rate: 0.2}]")
    overrides.append(f"training.optimizer={ema}")
    experiment = parse(PHOTOS % json.dumps(str(photos)), "photos.yaml", overrides)
    found = train(experiment, runs_dir=photos.parent / "runs")
    assert found.run.card.computing["precision"] == request.param
    return found


def test_the_saved_model_is_float32(half: TrainingResult) -> None:
    """It learned, every layer of `best.keras` computes in float32, and it answers so."""
    import keras

    assert half.evaluation.metrics["accuracy"].value > 0.9
    for name in ("best.keras", "last.keras"):
        model = keras.models.load_model(half.run.path / name)
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
        answer = model.predict_on_batch(np.zeros((1, 8, 8, 3), np.float32))
        assert answer.dtype == np.float32


def test_a_training_in_half_precision_resumes_exactly(half: TrainingResult, tmp_path: Path) -> None:
    """The scale of a float16 loss, and averages in bfloat16, are in the checkpoints."""

    def arrays(run: Path) -> dict[str, Any]:
        with np.load(max((run / "state").glob("*.npz"))) as found:
            return {name: found[name] for name in found if name != "progress"}

    whole = half.run
    stopped = Run(shutil.copytree(whole.path, tmp_path / whole.name), whole.card)
    max(stopped.state.glob("*.npz")).unlink()
    assert newest_place(stopped.state) == "after epoch 7"
    resumed = resume(stopped).run
    assert newest_place(resumed.state) == "after epoch 8"
    ours, theirs = arrays(resumed.path), arrays(whole.path)
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])


def test_features_and_fine_tuning_resume_exactly_in_bfloat16(make: Make, tmp_path: Path) -> None:
    """The features of a frozen backbone are cached, and its last layers are trained in the end."""
    overrides = ["training.precision=mixed_bfloat16", "training.checkpoint.keep=all"]
    overrides.append("training.fine_tune={from: conv_2, epochs: 2, learning_rate: 1e-4}")
    whole = train(make(*overrides), runs_dir=tmp_path).run
    stopped = Run(shutil.copytree(whole.path, tmp_path / "copy" / whole.name), whole.card)
    for path in sorted(stopped.state.glob("epoch*.npz"))[-2:]:
        path.unlink()
    assert newest_place(stopped.state) == "after epoch 3"
    resumed = resume(stopped).run
    assert_same(resumed.path, whole.path)


def test_the_first_checkpoint_in_float16_can_be_gone_back_to(tmp_path: Path) -> None:
    """`on_nan: restore` in the first epoch begins it again, until it gives up."""
    overrides = [
        "training.precision=mixed_float16",
        "training.on_nan=restore",
        "training.optimizer={SGD: {learning_rate: 1e12}}",
    ]
    with pytest.raises(RunError, match="after 5 times with half the learning rate"):
        train(parse(TINY, "t.yaml", overrides), runs_dir=tmp_path)


FLAGS = {
    "AVX512_BF16, AMX-BF16": "flags\t\t: fpu avx512f avx512_bf16 amx_bf16",
    "Arm BF16": "Features\t: fp asimd bf16 i8mm",
    "": "flags\t\t: fpu avx2 avx512f",
}


@pytest.mark.parametrize("instructions", FLAGS)
def test_the_precision_is_logged(
    instructions: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With the processor's instructions for it, or a warning that it has none or can't use them."""
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nmodel name\t: One\n{FLAGS[instructions]}\n")
    monkeypatch.setattr(processor, "INFORMATION", file)
    assert ", ".join(describe().bfloat16) == instructions
    devices = start("cpu")
    with caplog.at_level(logging.INFO, "imgrec"):
        log_precision("auto", devices)
        log_precision("mixed_bfloat16", devices)
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
        log_precision("bfloat16", devices)
    levels = [logging.INFO, logging.INFO if instructions else logging.WARNING, logging.WARNING]
    assert [record.levelno for record in caplog.records] == levels
    first, second, third = caplog.messages
    assert first == "precision: float32"
    assert second.startswith("precision: mixed_bfloat16")
    assert instructions in second
    assert "bfloat16, in which this CPU is slower than in float32" in third
