"""An exported file answers that of the model, says what it is, and is whole or not there."""

from __future__ import annotations

import json
import logging
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from PIL import Image

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.errors import RunError, UsageError
from imgrec.models.export import FORMATS, onnx_memory, require_memory
from imgrec.runs.card import ImportOrigin
from imgrec.runs.card_file import read_card, write_card
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineOptions, open_engine
from imgrec.runtime.exported import open_exported
from imgrec.workflows.evaluation import evaluate
from imgrec.workflows.export import export
from imgrec.workflows.training import resume, train
from tests.conftest import TINY
from tests.workflows.photos import PHOTOS

SUFFIXES = {"litert": ".tflite", "onnx": ".onnx", "saved_model": "", "keras": ".keras"}


@pytest.fixture
def copied(trained: Run, tmp_path: Path) -> Run:
    """A copy of the trained run, to change."""
    return Run(shutil.copytree(trained.path, tmp_path / "tiny-1"), trained.card)


def test_a_training_leaves_a_certified_file(trained: Run) -> None:
    """The card holds its hash and how near it is to best.keras, on 256 validation images."""
    (parity,) = trained.card.export_parity
    assert (parity.file, parity.format) == ("model.tflite", "litert")
    assert (parity.precision, parity.images) == ("float32", 256)
    assert parity.agreement == 1
    assert 0 <= parity.difference <= 1e-4
    assert parity.worst.startswith("digits/")
    assert "model.tflite" in trained.card.hashes


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_answers_as_the_model_does(trained: Run, tmp_path: Path, form: str) -> None:
    """Its own library reads it, and its probabilities for new pixels are the model's."""
    path = tmp_path / f"out{SUFFIXES[form]}"
    exported = export(trained, form=form, output=path)
    assert (exported.path, exported.parity.file) == (path, path.name)
    model = open_engine(trained, EngineOptions(engine="keras"))
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    engine = open_exported(path, form, model.classes, model.spec)
    np.testing.assert_allclose(
        engine.answers(images).probabilities, model.answers(images).probabilities, atol=1e-4
    )
    labels, description = _metadata(path, form)
    assert labels.split() == list("0123456789")
    assert description["preprocessing"] == "times 0.00392156863, in the model"
    assert description["input"]["range"] == [0, 255]
    assert description["export_parity"]["images"] == 256
    assert not (trained.path / path.name).exists()
    assert read_card(trained.path) == trained.card


def _metadata(path: Path, form: str) -> tuple[str, dict[str, Any]]:
    if form == "onnx":
        import onnxruntime

        found = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
        return found["labels"], json.loads(found["imgrec"])
    if form == "saved_model":
        folder = path / "assets.extra"
        texts = [(folder / name).read_text() for name in ("labels.txt", "imgrec.json")]
    else:
        with zipfile.ZipFile(path) as archive:
            texts = [archive.read(name).decode() for name in ("labels.txt", "imgrec.json")]
    return texts[0], json.loads(texts[1])


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_a_smaller_file_becomes_a_part_of_the_run(copied: Run, precision: str) -> None:
    """It stands beside the others, has its own parity, and evaluates as it promises."""
    export(copied, precision=precision)
    run = Run(copied.path, read_card(copied.path))
    assert [each.precision for each in run.card.export_parity] == ["float32", precision]
    path = run.path / f"model.{precision}.tflite"
    assert path.stat().st_size < (run.path / "model.tflite").stat().st_size
    whole, small = (
        evaluate(run, engine_options=computing).evaluation.metrics["accuracy"].value
        for computing in (EngineOptions(), EngineOptions("litert", precision))  # type: ignore[arg-type]
    )
    assert abs(whole - small) <= 0.02


def test_exporting_again_replaces_file_and_certificate(copied: Run) -> None:
    """One parity for one file, made from the photos that are named."""
    photo = copied.path.parent / "photo.png"
    Image.new("L", (9, 9), 200).save(photo)
    exported = export(copied, photos=[str(photo)])
    card = read_card(copied.path)
    assert card.export_parity == (exported.parity,)
    assert (exported.parity.images, exported.parity.worst) == (1, str(photo))
    open_engine(Run(copied.path, card), EngineOptions(engine="litert"))


def test_a_model_that_int8_changes_is_not_exported(copied: Run) -> None:
    """Its weights are of such sizes that eight bits can't hold them: the worst image is named."""
    _spoil(copied)
    before = sorted(path.name for path in copied.path.iterdir())
    broken = Run(copied.path, read_card(copied.path))
    with pytest.raises(RunError, match=r"model\.int8\.tflite is not written: .*digits/\d+"):
        export(broken, precision="int8")
    assert sorted(path.name for path in copied.path.iterdir()) == before
    assert read_card(copied.path) == broken.card


def test_on_random_pictures_photos_are_asked_for(copied: Run) -> None:
    """An imported run has no images: where a file answers otherwise, the hint is to give photos."""
    _spoil(copied)
    card = structs.replace(read_card(copied.path), origin=ImportOrigin("a.keras", "", "keras"))
    write_card(copied.path, card)
    with pytest.raises(RunError, match=r"int8\.tflite is not written: .*random picture") as caught:
        export(Run(copied.path, card), precision="int8")
    assert "on photos of your own with data=FOLDER" in caught.value.hint


def _spoil(run: Run) -> None:
    """Let one huge weight take up the whole range of its channel, and cancel what it does."""
    import keras

    model = keras.models.load_model(run.path / "best.keras", compile=False)
    layer = model.get_layer("probabilities")
    kernel, bias = layer.get_weights()
    kernel[0, :] = 1e4 * np.where(np.arange(10) % 2, 1, -1)
    layer.set_weights([kernel, bias])
    first = next(each for each in model.layers if isinstance(each, keras.layers.Conv2D))
    weights, biases = first.get_weights()
    weights[..., 0], biases[0] = 0, 0  # the feature that the huge weight is for is always 0
    first.set_weights([weights, biases])
    model.save(run.path / "best.keras")
    from imgrec.files import sha256_of

    card = run.card.announcing("best.keras", sha256_of(run.path / "best.keras"))
    write_card(run.path, card)


def test_what_does_not_fit_together_is_refused(trained: Run, tmp_path: Path) -> None:
    """A precision belongs to LiteRT, and a file has its format's suffix and a folder."""
    with pytest.raises(UsageError, match="only LiteRT files have a precision"):
        export(trained, form="onnx", precision="int8")
    with pytest.raises(UsageError, match=r"out\.zip: unknown format \.zip"):
        export(trained, form="keras", output=tmp_path / "out.zip")
    with pytest.raises(UsageError, match=r"\.keras is for the format keras, not litert") as caught:
        export(trained, form="litert", output=tmp_path / "out.keras")
    assert caught.value.hint == "use format='keras', or write out.tflite"
    with pytest.raises(RunError, match=r"can't be written: there is no folder .*gone"):
        export(trained, form="keras", output=tmp_path / "gone" / "out.keras")


def test_a_package_that_is_not_installed(trained: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX needs an extra, as the command that installs it says."""
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(RunError, match="ONNX files need the module tf2onnx") as caught:
        export(trained, form="onnx")
    assert caught.value.hint == "`pip install 'imgrec[onnx]'`"


def _experiment(photos: Path, *overrides: str) -> Experiment:
    return parse(PHOTOS % json.dumps(str(photos)), "photos.yaml", overrides)


def test_a_training_without_export_and_its_resumption(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`export: []` writes no file; going on with a run forgets the files of the older model."""
    with caplog.at_level(logging.INFO, "imgrec"):
        run = train(_experiment(photos, "training.epochs=1"), runs_dir=tmp_path / "runs").run
    assert not [line for line in caplog.messages if "tflite" in line]
    assert not (run.path / "model.tflite").exists()
    export(run)
    run = Run(run.path, read_card(run.path))
    open_engine(run, EngineOptions(engine="litert"))
    later = resume(run, overrides=["training.epochs=2"]).run
    assert not (later.path / "model.tflite").exists()
    assert later.card.export_parity == ()
    assert "model.tflite" not in later.card.hashes


def test_a_training_whose_file_fails_is_whole_without_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Weights beyond what float16 holds make nonsense of it: a line says so, Keras answers."""
    overrides = ["training.optimizer.Adam.learning_rate=1e6"]
    overrides += ["training.epochs=1", "training.steps_per_epoch=1", "training.export=[float16]"]
    run = train(parse(TINY, "tiny.yaml", overrides), runs_dir=tmp_path).run
    (line,) = [each for each in caplog.messages if "no LiteRT file" in each]
    assert "model.float16.tflite is not written: its probabilities differ by up to" in line
    assert (run.card.complete, run.card.export_parity) == (True, ())
    assert not list(run.path.rglob("*.tflite*"))
    assert evaluate(run).scores.names


def test_onnx_that_would_not_fit_in_memory_is_refused() -> None:
    """Writing takes many times the weights; if the memory is unknown, it is tried."""
    import keras

    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1000, use_bias=False)])
    needed = onnx_memory(model)
    assert needed > 40 * 4_000_000
    with pytest.raises(RunError, match=r"takes about 0\.2 GB of memory, but only 0\.1 GB are free"):
        require_memory(model, "onnx", 100_000_000)
    for form, free in (("onnx", needed), ("onnx", 0), ("litert", 1)):
        require_memory(model, form, free)
