"""A run is calibrated on images from elsewhere, and stays as it is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from PIL import Image

from imgrec.errors import DataError, RunError, UsageError
from imgrec.evaluation.selective_prediction import Target
from imgrec.files import sha256_of
from imgrec.models.importing import Adaptation
from imgrec.runs.folder import Run, list_runs
from imgrec.runtime.engine import EngineName, EngineOptions, open_engine
from imgrec.workflows.calibration import CalibrationRequest, calibrate_run
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate
from imgrec.workflows.export import export
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from tests.conftest import write_colours
from tests.models.hostile import litert_file, litert_model
from tests.workflows.predicting import predict

SURE = 2.0
"""How many times too large the logits of the models are."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models that are too sure, their classes, runs and labelled images."""
    folder = tmp_path_factory.mktemp("sure")
    (folder / "classes.txt").write_text("a\nb\n")
    model = litert_model()
    model.buffers[3].data = np.frombuffer(np.array([10, 0], np.float32).tobytes(), np.uint8)
    litert_file(folder / "sure.tflite", model)
    return folder


@pytest.fixture(scope="module")
def litert(folder: Path) -> Run:
    """A run of a LiteRT file; tests must not change it."""
    return imported(folder, "sure.tflite")


@pytest.fixture(scope="module")
def images(folder: Path, litert: Run) -> Path:
    """400 images in class folders, drawn as if the model's logits were half as large."""
    random = np.random.default_rng(1)
    level = random.integers(0, 42, (400, 1, 1, 1))
    pixels = (level + random.integers(0, 3, (400, 4, 4, 3))).astype(np.uint8)
    odds = log_odds(open_engine(litert).answers(pixels).probabilities)
    is_b = random.random(400) < 1 / (1 + np.exp(-odds / SURE))
    for number, (image, name) in enumerate(zip(pixels, np.where(is_b, "b", "a"), strict=True)):
        (folder / "images" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "images" / name / f"{number}.png")
    return folder / "images"


def imported(folder: Path, file: str) -> Run:
    """Return the run of a model file in `folder`."""
    return import_model(ImportSpec(folder / file, str(folder / "classes.txt")), runs_dir=folder)


def log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log odds of the second of two classes."""
    return np.asarray(np.log(probabilities[:, 1] / probabilities[:, 0]), np.float64)


def check_divided(run: Run, found: Run, engines: Sequence[EngineName], side: int) -> None:
    """Check that the logits of `found` are those of `run`, divided by its temperature."""
    assert found.card.calibration is not None
    pixels = np.random.default_rng(1).integers(0, 42, (8, side, side, 3), np.uint8)
    odds = log_odds(open_engine(run).answers(pixels).probabilities)
    for engine in engines:
        answers = open_engine(found, EngineOptions(engine)).answers(pixels)
        expected = odds / found.card.calibration.temperature
        np.testing.assert_allclose(log_odds(answers.probabilities), expected, atol=1e-3)


def hashes(run: Run) -> dict[str, str]:
    """Return the SHA-256 of each file of a run."""
    return {path.name: sha256_of(path) for path in run.path.iterdir() if path.name != ".lock"}


def test_a_new_run_is_as_sure_as_it_is_right(litert: Run, images: Path, tmp_path: Path) -> None:
    """Its logits are divided by the temperature; the run itself stays as it is."""
    before = hashes(litert)
    wanted = CalibrationRequest(ImageChoice(images), ("precision", 0.9))
    found = calibrate_run(litert, wanted, runs_dir=tmp_path)
    assert hashes(litert) == before

    card, calibration = found.card, found.card.calibration
    assert calibration is not None
    assert calibration.temperature == pytest.approx(SURE, rel=0.15)
    assert calibration.loss_after < calibration.loss_before
    assert (calibration.images, calibration.split) == (400, "calibration")
    assert card.calibrated_from is not None
    assert card.calibrated_from.run == litert.name
    assert card.calibrated_from.model in litert.card.hashes.values()
    assert sum(card.calibrated_from.images.per_class.values()) == 400
    assert card.hashes.keys() == litert.card.hashes.keys()

    check_divided(litert, found, ["litert"], 4)


def test_the_threshold_is_obeyed(
    litert: Run, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By predict, by evaluate, and by a run of the exported file."""
    caplog.set_level("INFO", "imgrec")
    wanted = CalibrationRequest(ImageChoice(images), ("precision", 0.9), "careful")
    found = calibrate_run(litert, wanted, runs_dir=tmp_path)
    assert found.name == "careful-1"
    threshold = found.card.threshold
    assert threshold is not None
    assert threshold.target == "precision 0.9"
    assert threshold.precision >= 0.9
    assert 0 < threshold.coverage < 1
    assert "chosen for precision 0.9 with 95 % confidence on 400 calibration images" in caplog.text

    answers = predict([str(images)], model=found)
    assert np.mean([each.known for each in answers]) == pytest.approx(threshold.coverage)
    evaluation = evaluate(found, EvaluationRequest(ImageChoice(images))).evaluation
    assert evaluation.metrics["coverage"].value == pytest.approx(threshold.coverage)
    (note,) = (each for each in evaluation.notes if "was calibrated on" in each)
    assert "400 of 400 images, so these numbers are not independent of it" in note

    file = tmp_path / "careful.tflite"
    export(found, output=file)
    again = import_model(ImportSpec(file), runs_dir=tmp_path)
    assert again.card.threshold == threshold
    assert [each.top for each in predict([str(images)], model=again)] == [
        each.top for each in answers
    ]
    beside = import_model(ImportSpec(found.path / "model.tflite"), runs_dir=tmp_path)
    assert beside.card.threshold == threshold


def test_copies_count_once(
    litert: Run, images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They would make a guarantee look better founded; one with another label is named."""
    shutil.copytree(images, tmp_path / "images")
    shutil.copytree(images / "a", tmp_path / "images" / "a" / "again")
    name = min(each.name for each in (images / "a").iterdir())
    shutil.copy(images / "a" / name, tmp_path / "images" / "b" / f"wrong-{name}")
    found = calibrate_run(
        litert, CalibrationRequest(ImageChoice(tmp_path / "images")), runs_dir=tmp_path / "runs"
    )
    assert found.card.calibration is not None
    assert found.card.calibration.images == 400
    assert found.card.threshold is None
    copies = len(list((images / "a").iterdir()))
    assert f"400 of {401 + copies} images are different" in caplog.text
    assert "1 pair with the same content, but different classes" in caplog.text
    assert f"wrong-{name}" in caplog.text


@pytest.mark.parametrize(
    ("target", "kept", "reason"),
    [
        (None, 4, "8 images can't calibrate sure-1: at least 10 are needed: add images"),
        (
            ("precision", 0.98),
            70,
            "140 calibration images can't guarantee a precision of 0.98 with 95 % confidence",
        ),
        (("coverage", 0.99), 40, "80 calibration images can't guarantee a coverage of 0.99"),
        (("precision", 0.99), 400, "400 calibration images can't guarantee a precision of 0.99"),
    ],
)
def test_what_too_few_images_cannot_do_is_refused(
    target: tuple[Target, float] | None, kept: int, reason: str, litert: Run, images: Path
) -> None:
    """With what they could do; nothing is written."""
    few, runs = images.parent / f"few-{kept}", images.parent / f"runs-{kept}"
    for name in ("a", "b"):
        (few / name).mkdir(parents=True)
        for image in sorted((images / name).iterdir())[:kept]:
            shutil.copy(image, few / name)
    with pytest.raises(DataError) as caught:
        calibrate_run(litert, CalibrationRequest(ImageChoice(few), target), runs_dir=runs)
    assert f"{caught.value.message}: {caught.value.hint}".startswith(reason)
    assert caught.value.hint.startswith("add images")
    assert ("is its label right?" in caught.value.hint) == (
        target is not None and target[0] == "precision"
    )
    assert not list_runs(runs)


@pytest.mark.parametrize("target", ["precision", "coverage"])
def test_the_target_that_a_hint_suggests_can_be_guaranteed(
    target: Target, litert: Run, images: Path
) -> None:
    """It is the one of these answers, some of which are wrong."""
    runs = images.parent / f"runs-{target}"
    choice = ImageChoice(images)
    with pytest.raises(DataError) as caught:
        calibrate_run(litert, CalibrationRequest(choice, (target, 0.999)), runs_dir=runs)
    suggested = re.search(rf"{target}=(0\.\d+)", str(caught.value.hint))
    assert suggested is not None
    wanted = CalibrationRequest(choice, (target, float(suggested[1])))
    assert calibrate_run(litert, wanted, runs_dir=runs).card.threshold is not None


def test_no_precision_is_suggested_that_guessing_has(litert: Run, images: Path) -> None:
    """Half of the labels are wrong, as if the model guessed."""
    mixed, runs = images.parent / "mixed", images.parent / "runs-mixed"
    for name, other in (("a", "b"), ("b", "a")):
        (mixed / name).mkdir(parents=True)
        for image in sorted((images / name).iterdir())[:100]:
            shutil.copy(image, mixed / name)
        for image in sorted((images / other).iterdir())[100:200]:
            shutil.copy(image, mixed / name)
    wanted = CalibrationRequest(ImageChoice(mixed), ("precision", 0.9))
    with pytest.raises(DataError, match=r"can't guarantee a precision of 0\.9") as caught:
        calibrate_run(litert, wanted, runs_dir=runs)
    assert caught.value.hint.startswith("add images; look at")


def test_images_that_cannot_calibrate_are_named(litert: Run, images: Path, tmp_path: Path) -> None:
    """Those of one class, of several as one, and a target that is no fraction."""
    shutil.copytree(images / "b", tmp_path / "one" / "b")
    with pytest.raises(DataError, match=r"all \d+ images are of the class b"):
        calibrate_run(litert, CalibrationRequest(ImageChoice(tmp_path / "one")), runs_dir=tmp_path)
    (tmp_path / "one" / "b").rename(tmp_path / "one" / "any")
    several = CalibrationRequest(ImageChoice(tmp_path / "one", names={"any": "a,b"}))
    third = Run(litert.path, structs.replace(litert.card, classes=("a", "b", "c")))
    with pytest.raises(UsageError, match="any is several of them"):
        calibrate_run(third, several, runs_dir=tmp_path)
    with pytest.raises(UsageError, match="precision='98': it must be above 0 and below 1"):
        calibrate_run(
            litert, CalibrationRequest(ImageChoice(images), ("precision", 98)), runs_dir=tmp_path
        )


def test_a_trained_run_keeps_its_config_and_images(colour_run: Run, tmp_path: Path) -> None:
    """So that its own test images are evaluated, and training images found, as before."""
    photos = write_colours(tmp_path / "new")
    wanted = CalibrationRequest(ImageChoice(photos))
    with pytest.raises(DataError, match=f"{colour_run.name} was trained on 24 of 40 images"):
        calibrate_run(colour_run, wanted, runs_dir=tmp_path / "runs")
    for path in photos.rglob("*.png"):
        with Image.open(path) as image:
            image.transpose(Image.Transpose.ROTATE_180).save(path)
    found = calibrate_run(colour_run, wanted, runs_dir=tmp_path / "runs")
    check_divided(colour_run, found, ["litert", "keras"], 8)
    assert not found.resumable
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(colour_run.path.parents[1])
        own = evaluate(colour_run).evaluation.metrics["accuracy"].value
        assert evaluate(found).evaluation.metrics["accuracy"].value == own
        with pytest.raises(DataError, match=f"{found.name} was trained on"):
            evaluate(found, EvaluationRequest(ImageChoice(Path("photos"))))


def test_several_labels_are_refused(litert: Run, images: Path, tmp_path: Path) -> None:
    """They have no "unknown", and a threshold for each class."""
    card = structs.replace(litert.card, multi_label=True, output="sigmoid")
    with pytest.raises(RunError, match="gives an image several labels"):
        calibrate_run(
            Run(litert.path, card), CalibrationRequest(ImageChoice(images)), runs_dir=tmp_path
        )


def test_a_file_without_a_softmax_is_refused(folder: Path, images: Path, tmp_path: Path) -> None:
    """A LiteRT file has no other place for a temperature; nothing is written."""
    model = litert_model()
    model.subgraphs[0].operators.pop()
    model.subgraphs[0].outputs = [5]
    model.signatureDefs[0].outputs[0].tensorIndex = 5
    litert_file(tmp_path / "logits.tflite", model)
    wanted = ImportSpec(
        tmp_path / "logits.tflite",
        str(folder / "classes.txt"),
        Adaptation(activation="softmax"),
    )
    run = import_model(wanted, runs_dir=tmp_path)
    with pytest.raises(RunError, match="its output is not that of a softmax") as caught:
        calibrate_run(run, CalibrationRequest(ImageChoice(images)), runs_dir=tmp_path / "runs")
    assert "import the Keras model" in caught.value.hint
    assert not list_runs(tmp_path / "runs")
