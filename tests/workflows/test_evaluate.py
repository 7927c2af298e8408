"""Evaluating gives the number that training saw, on the images that were meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.errors import BadImage, DataError, RunError, UsageError
from imgrec.runs.folder import Run
from imgrec.runs.image_list import recorded_images
from imgrec.runtime.engine import EngineName, EngineOptions
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, evaluate
from imgrec.workflows.training import train
from tests.conftest import COLOURS


def test_the_number_of_the_training_comes_again(trained: Run) -> None:
    """Every number of metrics.json, to the last digit."""
    saved = json.loads((trained.path / "metrics.json").read_text())
    found = evaluate(trained)
    assert (found.split, found.source) == ("test", "digits")
    assert {name: metric.value for name, metric in found.evaluation.metrics.items()} == {
        name: metric["value"] for name, metric in saved["metrics"].items()
    }
    np.testing.assert_array_equal(found.evaluation.confusion, saved["confusion"]["rows"])


def test_another_split_may_be_asked_for(trained: Run) -> None:
    """The validation part has its own number of images."""
    assert evaluate(
        trained, EvaluationRequest(ImageChoice(split="validation"))
    ).evaluation.images == (trained.card.data["validation"].images)


def test_a_folder_of_other_images_is_evaluated_as_a_whole(
    colour_run: Run, photos: Path, tmp_path: Path
) -> None:
    """`--data` with class folders takes all of them, in the run's class order."""
    (photos / "red").rename(tmp_path / "kept")
    (tmp_path / "other" / "red").mkdir(parents=True)
    (tmp_path / "kept" / "00.png").rename(tmp_path / "other" / "red" / "00.png")
    found = evaluate(
        colour_run, EvaluationRequest(ImageChoice(tmp_path / "other"), allow_leakage=True)
    )
    assert (found.split, found.evaluation.images) == ("all", 1)
    assert found.evaluation.classes == ("blue", "red")
    assert [result.support for result in found.evaluation.per_class] == [0, 1]


def test_a_folder_of_split_folders_gives_its_test_part(
    colour_run: Run, photos: Path, tmp_path: Path
) -> None:
    """Its test part goes before validation; a split it doesn't have is reported."""
    root = tmp_path / "other"
    for split, count in (("train", 6), ("val", 4), ("test", 2)):
        for name in ("red", "blue"):
            (root / split / name).mkdir(parents=True)
            for path in sorted((photos / name).iterdir())[:count]:
                (root / split / name / path.name).write_bytes(path.read_bytes())
    assert (
        evaluate(
            colour_run, EvaluationRequest(ImageChoice(root), allow_leakage=True)
        ).evaluation.images
        == 4
    )
    assert (
        evaluate(
            colour_run, EvaluationRequest(ImageChoice(root, "validation"), allow_leakage=True)
        ).evaluation.images
        == 8
    )
    with pytest.raises(UsageError, match="is not split"):
        evaluate(colour_run, EvaluationRequest(ImageChoice(photos, "test")))


def test_a_class_that_the_model_does_not_know_is_refused(colour_run: Run, photos: Path) -> None:
    """Its images could only be counted as wrong."""
    (photos / "red").rename(photos / "rad")
    with pytest.raises(DataError, match="rad"):
        evaluate(colour_run, EvaluationRequest(ImageChoice(photos)))


def test_images_that_changed_sides_are_refused(
    colour_run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seeded split of a folder that grew would evaluate training images."""
    monkeypatch.chdir(photos.parent)
    for number in range(40, 60):
        for name in ("red", "blue"):
            path = photos / name / f"{number}.png"
            path.write_bytes((photos / name / "00.png").read_bytes())
    with pytest.raises(DataError, match="the test images of colours-1 changed") as caught:
        evaluate(colour_run)
    assert "data=FOLDER" in caught.value.hint


def test_other_images_under_the_same_names_are_refused(
    colour_run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overwritten, or of another working directory; with `--data` they may be any."""
    read_from = Path(str(colour_run.card.data["train"].absolute))
    assert (read_from.is_dir(), read_from.name) == (True, "photos")
    at_training = f"the training read them from {read_from}; "
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(photos, elsewhere / "photos")
    monkeypatch.chdir(elsewhere)
    number = evaluate(colour_run).evaluation.metrics["accuracy"].value
    split = recorded_images(colour_run.path)["test"]
    name = next(iter(split))
    (elsewhere / "photos" / name).write_bytes((photos / next(reversed(split))).read_bytes())
    with pytest.raises(DataError) as caught:
        evaluate(colour_run)
    assert caught.value.message == (
        f"the test images of colours-1 changed since its training: 1 with other content: {name}"
    )
    assert caught.value.hint.startswith(at_training)
    (elsewhere / "photos").rename(elsewhere / "renamed")
    with pytest.raises(DataError, match="no file or folder photos") as caught:
        evaluate(colour_run)
    assert caught.value.hint.startswith(at_training)
    others = EvaluationRequest(ImageChoice(Path("renamed")), allow_leakage=True)
    assert evaluate(colour_run, others).evaluation.images == 40
    monkeypatch.chdir(tmp_path)
    assert evaluate(colour_run).evaluation.metrics["accuracy"].value == number


def test_bad_images_are_named_or_stop_as_the_config_says(
    colour_run: Run, photos: Path, tmp_path: Path
) -> None:
    """error: the first bad image ends it; skip: counted, named, in no number."""
    (photos / "red" / "03.png").write_bytes(b"no image")
    with pytest.raises(BadImage, match=r"red/03\.png"):
        evaluate(colour_run, EvaluationRequest(ImageChoice(photos), allow_leakage=True))
    skip = [f"data.root={photos}", "data.bad_images=skip", "training.export=[]"]
    lenient = train(parse(COLOURS, "colours.yaml", skip), runs_dir=tmp_path / "runs").run
    found = evaluate(lenient, EvaluationRequest(ImageChoice(photos), allow_leakage=True)).evaluation
    assert found.images == 39
    assert [skipped.name for skipped in found.skipped] == ["red/03.png"]


@pytest.mark.parametrize("damage", ["gone", "other", "cut"])
@pytest.mark.parametrize(("engine", "file"), [("keras", "best.keras"), ("litert", "model.tflite")])
def test_a_model_file_that_is_not_the_runs_is_refused(
    trained: Run, tmp_path: Path, damage: str, engine: EngineName, file: str
) -> None:
    """Missing, replaced or cut short: the file is named."""
    run = Run(shutil.copytree(trained.path, tmp_path / "copy"), trained.card)
    path = run.path / file
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:-10] if damage == "cut" else content + b" ")
    with pytest.raises(RunError, match=rf"{file} is (missing|not the file)|copy has no {file}"):
        evaluate(run, engine_options=EngineOptions(engine))
