"""A trained model that knows how sure it may be, and what is strange to it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from PIL import Image

from imgrec.config.load import parse
from imgrec.progress import Silent
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run
from imgrec.runs.writer import RunWriter
from imgrec.runtime.engine import EngineOptions, open_engine
from imgrec.workflows.export import export
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from imgrec.workflows.prepare import (
    calibration_part,
    prepare,
    read_images,
    validation_split,
)
from imgrec.workflows.run_config import run_config
from imgrec.workflows.run_facts import run_facts
from imgrec.workflows.training import resume, train
from imgrec.workflows.training.calibrate import calibrate
from tests.conftest import TINY
from tests.workflows.photos import PHOTOS
from tests.workflows.predicting import predict


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of TINY that promises to answer 90 % of the images."""
    text = TINY + "evaluation: {selective_prediction: {coverage: 0.9}}\n"
    return train(parse(text, "tiny.yaml"), runs_dir=tmp_path_factory.mktemp("runs")).run


def test_the_card_records_what_was_fitted(careful: Run) -> None:
    """Temperature, losses and limits are of the validation part, and of the best model there is."""
    calibration, threshold = careful.card.calibration, careful.card.threshold
    assert calibration is not None
    assert threshold is not None
    assert calibration.model == careful.card.hashes["best.keras"]
    assert calibration.loss_after <= calibration.loss_before
    assert calibration.images == careful.card.data["validation"].images
    assert (threshold.split, threshold.images) == ("calibration", 272)
    assert threshold.target == "coverage 0.9"
    assert threshold.confidence == 0.95
    assert threshold.coverage >= 0.9


def test_the_threshold_does_what_the_card_says(careful: Run) -> None:
    """The saved model answers as many images of the calibration part."""
    prepared = prepare(run_config(careful.path), Silent())
    part, threshold = calibration_part(prepared.experiment, prepared.splits), careful.card.threshold
    images = [np.asarray(each.source) for each in prepared.splits.validation if each.name in part]
    engine = open_engine(careful, EngineOptions(engine="keras"))
    answers = engine.answers(np.stack(images))
    known = engine.decision.known(answers.probabilities, answers.ood_similarity)
    assert threshold is not None
    assert known.mean() == threshold.coverage


def test_the_images_that_choose_the_threshold_do_not_choose_the_epoch() -> None:
    """They are three quarters of each class of the validation images, the same ones each time."""
    text = TINY + "evaluation: {selective_prediction: {coverage: 0.9}}\n"
    prepared = prepare(parse(text, "tiny.yaml"), Silent())
    part = calibration_part(prepared.experiment, prepared.splits)
    others = validation_split(prepared)
    assert others is not None
    names = {record.name for record in prepared.splits.validation}
    assert part < names
    assert len(others.targets) == len(names) - len(part)
    counts = others.targets.sum(axis=0)
    assert counts.min() >= 8
    assert counts.max() <= 10
    again = prepare(parse(text, "tiny.yaml"), Silent())
    assert calibration_part(again.experiment, again.splits) == part
    both = TINY + "evaluation: {selective_prediction: {coverage: 0.9, calibration: 1}}\n"
    assert not calibration_part(parse(both, "tiny.yaml"), prepared.splits)


def test_what_cannot_be_guaranteed_costs_no_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is complete, with a plain model; card and log say what could be guaranteed."""
    text = TINY.replace("epochs: 2", "epochs: 1")
    text += "evaluation: {selective_prediction: {precision: 0.99}}\n"
    run = train(parse(text, "tiny.yaml", ["training.export=[]"]), runs_dir=tmp_path).run
    assert run.card.complete
    assert run.card.threshold is None
    assert "can't guarantee a precision of 0.99 with 95 % confidence" in run.card.no_threshold
    assert run.card.no_threshold in caplog.text
    assert "can guarantee a precision of 0.989 at most, not of 0.99" in caplog.text
    answers = open_engine(run).answers(np.zeros((1, 8, 8, 1), np.uint8))
    assert answers.ood_similarity is None
    facts = dict(run_facts(run))
    assert facts["never unknown"] == run.card.no_threshold


def test_what_is_strange_is_unknown(careful: Run, tmp_path: Path) -> None:
    """Noise and stripes are rejected as unknown; a digit is not."""
    random = np.random.default_rng(0)
    for number in range(10):
        noise = random.integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"noise-{number}.png")
    found = predict([str(tmp_path)], model=careful)
    assert sum(not prediction.known for prediction in found) >= 8

    records = read_images(run_config(careful.path).data, careful.card.seed).test[:20]
    for number, record in enumerate(records):
        assert isinstance(record.source, np.ndarray)
        Image.fromarray(record.source.squeeze()).save(tmp_path / f"digit-{number}.png")
    digits = predict([f"{tmp_path}/digit-*"], model=careful)
    assert sum(prediction.known for prediction in digits) >= 14


def test_every_engine_gives_the_same_ood_similarity(careful: Run) -> None:
    """The column is a part of the model: in the Keras file and in the exported one."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    keras = open_engine(careful, EngineOptions(engine="keras")).answers(pixels)
    litert = open_engine(careful, EngineOptions(engine="litert")).answers(pixels)
    assert keras.ood_similarity is not None
    assert litert.ood_similarity is not None
    assert np.abs(keras.ood_similarity).max() <= 1 + 1e-6
    np.testing.assert_allclose(litert.ood_similarity, keras.ood_similarity, atol=1e-5)
    np.testing.assert_allclose(litert.probabilities, keras.probabilities, atol=1e-5)
    np.testing.assert_allclose(keras.probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("file", ["best.keras", "model.tflite"])
def test_an_imported_file_knows_its_limits(careful: Run, tmp_path: Path, file: str) -> None:
    """It has the limits of its run, and gives the same ood_similarity."""
    found = import_model(ImportSpec(careful.path / file), runs_dir=tmp_path)
    assert found.card.threshold == careful.card.threshold
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    there, here = (open_engine(run).answers(pixels).ood_similarity for run in (careful, found))
    assert there is not None
    assert here is not None
    np.testing.assert_allclose(here, there, atol=1e-5)


def test_an_exported_file_names_the_column_that_is_not_a_class(
    careful: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its labels and its description have a name for each column, and the log says which it is."""
    path = tmp_path / "careful.keras"
    caplog.set_level("INFO")
    export(careful, form="keras", output=path)
    columns = [*"0123456789", "ood_similarity"]
    for file in (path, careful.path / "model.tflite"):
        with zipfile.ZipFile(file) as archive:
            assert archive.read("labels.txt").decode().split() == columns
            assert json.loads(archive.read("imgrec.json"))["columns"] == columns
    assert "11 columns: the first 10 are the classes, the last is ood_similarity" in caplog.text


def test_a_training_image_has_a_high_ood_similarity(careful: Run) -> None:
    """The nearest of the known images to one of them is that one, whose cosine is 1."""
    known = open_engine(careful, EngineOptions(engine="keras")).model.get_layer("known_images")  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.linalg.norm(known.get_weights()[0], axis=0), 1, rtol=1e-5)


def test_a_calibrated_model_stays_as_it_is(careful: Run) -> None:
    """A training that was stopped right after its calibration does not calibrate twice."""
    before = (careful.path / "best.keras").read_bytes()
    prepared = prepare(run_config(careful.path), Silent())
    with RunWriter(careful.path) as writer:
        card = writer.card
        calibrate(writer, prepared, Silent())
    assert (careful.path / "best.keras").read_bytes() == before
    assert read_card(careful.path) == card


def test_one_sigmoid_unit_is_calibrated_too(photos: Path, tmp_path: Path) -> None:
    """With one unit for two classes there are still probabilities of both, and a ood_similarity."""
    text = f"""
name: pair
data: {{root: {photos}, image_size: [8, 8], split: {{validation: 0.4}}}}
preprocessing: {{rescale: 1/255}}
model: {{layers: [Flatten, Dense: {{units: 4}}], output: sigmoid}}
training: {{epochs: 1}}
evaluation: {{selective_prediction: {{coverage: 0.5, calibration: 1}}}}
"""
    run = train(parse(text, "pair.yaml"), runs_dir=tmp_path / "runs").run
    answers = open_engine(run).answers(np.zeros((3, 8, 8, 3), np.uint8))
    assert answers.probabilities.shape == (3, 2)
    assert answers.ood_similarity is not None
    assert answers.ood_similarity.shape == (3,)


def test_resuming_fits_again(photos: Path, tmp_path: Path) -> None:
    """A run that is trained further has limits of its new best model, or keeps the old one's."""
    text = PHOTOS % json.dumps(str(photos))
    text += "evaluation: {selective_prediction: {coverage: 0.5, calibration: 1}}\n"
    more_validation = "data.split={validation: 0.4}"
    begun = train(parse(text, "photos.yaml", [more_validation]), runs_dir=tmp_path / "begun").run
    further = resume(begun, overrides=["training.epochs=3"]).run
    calibration = further.card.calibration
    assert calibration is not None
    assert calibration.model == further.card.hashes["best.keras"]
    assert further.card.complete
    whole = parse(text, "photos.yaml", [more_validation, "training.epochs=3"])
    never_stopped = train(whole, runs_dir=tmp_path / "whole").run
    assert never_stopped.card.calibration is not None
    assert structs.replace(never_stopped.card.calibration, model="") == structs.replace(
        calibration, model=""
    )


def test_without_validation_images_nothing_is_fitted(photos: Path, tmp_path: Path) -> None:
    """There is nothing to fit to, and nothing is claimed."""
    overrides = ["data.split={test: 0.2}", "training.epochs=1"]
    experiment = parse(PHOTOS % json.dumps(str(photos)), "photos.yaml", overrides)
    card = train(experiment, runs_dir=tmp_path / "runs").run.card
    assert (card.calibration, card.threshold) == (None, None)
