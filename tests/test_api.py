"""imgrec from Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgrec
from imgrec.api.model import PhotoLike
from imgrec.errors import ConfigError, DataError, RunError, UsageError
from imgrec.rounding import percent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineOptions
from imgrec.training.observers import EpochEnd, TrainingEnd
from tests.conftest import (
    FEW_STEPS,
    PROJECT,
    needs_weights,
    without_charts,
    write_bright_and_dark,
)

HOSTILE = '"><img src=x onerror=alert(1)>\x1b[31m.png'


@pytest.fixture(scope="module")
def model(trained: Run) -> imgrec.Model:
    """The digits' model."""
    return imgrec.load(trained.path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A grey picture of noise."""
    random = np.random.default_rng(0)
    path = tmp_path / "noise.png"
    Image.fromarray(random.integers(0, 256, (20, 16), np.uint8)).save(path)
    return path


def test_importing_it_loads_nothing() -> None:
    """`import imgrec` costs no more than Python itself, and still lists its names."""
    code = (
        "import sys, imgrec; print(*{'numpy', 'PIL', 'click', 'imgrec.api'} & {*sys.modules});"
        "print(imgrec.load.__module__, *{'tensorflow', 'keras'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\nimgrec.api.model\n"
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        imgrec.lode  # type: ignore[attr-defined] # noqa: B018


def test_a_run_is_named_as_everywhere(
    trained: Run, monkeypatch: pytest.MonkeyPatch, model: imgrec.Model
) -> None:
    """A folder, a name below the runs folder, the last one; a wrong one is reported."""
    runs = trained.path.parent
    assert imgrec.load("last", runs_dir=runs).name == model.name == trained.name
    monkeypatch.setenv("IMGREC_RUNS", str(runs))
    assert imgrec.load(trained.name).classes == tuple("0123456789")
    with pytest.raises(RunError, match="there is no run nothing"):
        imgrec.load("nothing")


def test_every_kind_of_photo_is_the_same(model: imgrec.Model, picture: Path) -> None:
    """A path, bytes, pixels and a Pillow image of one file have one answer, in their order."""
    with Image.open(picture) as opened:
        pixels = np.asarray(opened)
        given: list[PhotoLike] = [
            str(picture),
            picture,
            picture.read_bytes(),
            pixels,
            pixels[:, :, None],
            opened,
        ]
        found = model.predict(given)
        assert opened.getpixel((0, 0)) == pixels[0, 0]
    assert [each.name for each in found] == [
        *[str(picture)] * 2,
        "image 3",
        "image 4",
        "image 5",
        "image 6",
    ]
    assert len({each.top for each in found}) == 1


def test_one_photo_needs_no_list(model: imgrec.Model, picture: Path) -> None:
    """What is one photo is taken as one; an array of several pictures as several."""
    pixels = np.zeros((3, 8, 8, 1), np.uint8)
    assert [len(model.predict(each)) for each in (str(picture), picture.read_bytes())] == [1, 1]
    assert [len(model.predict(each)) for each in (pixels, pixels[0], pixels[0, :, :, 0])] == [
        3,
        1,
        1,
    ]
    assert len(model.predict(picture.parent)) == 1
    assert len(model.predict([])) == 0


def test_what_can_not_be_read_is_named(model: imgrec.Model, picture: Path) -> None:
    """The others are answered, and it stands where it was asked for."""
    found = model.predict([b"no image", "none.png", np.zeros((2, 2)), picture])  # type: ignore[list-item]
    assert [each.error and each.error.partition(", or")[0] for each in found] == [
        "not an image",
        "no such file",
        "pixels of shape (2, 2) and type float64",
        None,
    ]
    with pytest.raises(TypeError, match="not int"):
        model.predict([1])  # type: ignore[list-item]


def test_the_options_of_the_command_line(model: imgrec.Model, picture: Path) -> None:
    """`top`, `threshold` and `tta` mean what they mean there."""
    (one,) = model.predict(picture, top=1)
    (unsure,) = model.predict(picture, threshold=1)
    assert (len(one.top), one.known, one.label) == (1, True, one.top[0].class_name)
    assert (unsure.known, unsure.label) == (False, None)
    pixels = np.asarray(Image.open(picture))
    (flipped,) = model.predict(picture, tta="flip", top=10)
    (mirrored,) = model.predict(pixels[:, ::-1], tta="flip", top=10)
    assert flipped.top == mirrored.top


def test_a_model_is_evaluated_as_on_the_command_line(model: imgrec.Model, trained: Run) -> None:
    """On its own images it has the numbers of its training; the split and slices are asked for."""
    found = model.evaluate()
    written = json.loads((trained.path / "metrics.json").read_text())["metrics"]
    assert {name: vars(metric) for name, metric in found.metrics.items()} == written
    validation = model.evaluate(split="validation", slices=["size"])
    assert validation.images == trained.card.data["validation"].images
    assert [each.name for each in validation.slices] == ["size=small"]


def test_a_model_is_evaluated_on_other_photos(model: imgrec.Model, picture: Path) -> None:
    """A folder of class folders; what it doesn't hold, or the model doesn't know, is refused."""
    for name in ("3", "cat"):
        folder = picture.parent / name / name
        folder.mkdir(parents=True)
        shutil.copy(picture, folder)
    assert model.evaluate(picture.parent / "3").confusion.sum(axis=1)[3] == 1
    with pytest.raises(DataError, match="cat"):
        model.evaluate(str(picture.parent / "cat"))
    with pytest.raises(DataError, match="slice camera"):
        model.evaluate(slices=["camera"])


def test_photos_are_explained_as_on_the_command_line(model: imgrec.Model, picture: Path) -> None:
    """One after the other, with the class that `predict` names; what can't be read is reported."""
    (predicted,) = model.predict(picture, top=1)
    found, bad = model.explain([picture, b"no image"], method="occlusion")
    assert (found.name, found.named, found.error) == (str(picture), predicted.top, None)
    assert (found.heat.shape, found.heat.max() <= 1) == ((20, 16), True)
    assert (
        repr(found)
        == f"{picture}: {predicted.top[0].class_name} {percent(predicted.top[0].probability)}"
    )
    for boxes in (False, True):
        assert found.picture(boxes=boxes).height > found.picture(boxes=boxes).width
    assert (found._repr_png_() or b"")[:4] == b"\x89PNG"
    assert repr(bad).startswith("image 2: not an image")
    assert (bad.named, bad.boxes, bad._repr_png_()) == ((), (), None)
    with pytest.raises(ValueError, match="image 2: not an image"):
        bad.picture()


def test_a_class_can_be_looked_for_by_any_method(model: imgrec.Model, picture: Path) -> None:
    """The options are those of the command line, and so is what is refused."""
    (found,) = model.explain(picture, method="windows", class_name="7", threshold=0, windows=5)
    assert [each.class_name for each in found.named] == ["7"]
    assert {each.class_name for each in found.boxes} == {"7"}
    with pytest.raises(UsageError, match="has no such class"):
        model.explain(picture, class_name="cat")


def test_results_are_a_sequence_with_a_face(model: imgrec.Model, picture: Path) -> None:
    """They show a line each, fifty at most, and can be cut."""
    found = model.predict([picture] * 52 + ["none.png"], top=2)
    lines = repr(found).splitlines()
    assert len(lines) == 51
    assert re.fullmatch(r".*noise\.png: \d \d+\.\d %, \d \d+\.\d %", lines[0])
    assert lines[-1] == "and 3 more"
    assert repr(found[52:]) == "none.png: no such file"
    assert repr(model.predict(picture, threshold=1)).startswith(f"{picture}: unknown (")
    assert repr(model) == f"<imgrec model {model.name}: 10 classes>"


def test_a_notebook_shows_pictures_and_runs_nothing(model: imgrec.Model, picture: Path) -> None:
    """Thumbnails are part of the page, names are escaped, a photo that failed has no picture."""
    hostile = picture.with_name(HOSTILE)
    picture.rename(hostile)
    page = model.predict([hostile, "<b>none.png"], top=1)._repr_html_()
    assert page.count("data:image/webp;base64,") == page.count("<img ") == 1
    assert "onerror=alert(1)&gt;\\x1b[31m.png" in page
    assert "<b>&lt;b&gt;none.png</b>" in page
    assert "\x1b" not in page


class Losses(imgrec.TrainingObserver):
    """Keeps the losses of the epochs, and how the training ended."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.outcome = ""

    def epoch(self, event: EpochEnd) -> None:
        """Keep the loss."""
        self.losses.append(event.logs["loss"])

    def end(self, event: TrainingEnd) -> None:
        """Keep the outcome."""
        self.outcome = event.outcome


@pytest.mark.tensorflow
def test_training_from_python(tmp_path: Path) -> None:
    """A mapping is a config too; observers see each epoch, and the run has all of them."""
    config = {
        "name": "digits",
        "data": {"loader": "digits", "image_size": [8, 8], "channels": 1},
        "preprocessing": {"rescale": "1/255"},
        "model": {"layers": ["Flatten", {"Dense": {"units": 8}}]},
    }
    losses = Losses()
    overrides = ["training.epochs=2", *FEW_STEPS]
    with without_charts():
        trained = imgrec.train(config, overrides=overrides, runs_dir=tmp_path, observers=[losses])
    assert trained.run.path == tmp_path / "digits-1"
    assert trained.history["loss"] == losses.losses
    assert losses.outcome == "finished"
    found = trained.evaluation.metrics["accuracy"].value
    assert re.fullmatch(r"<imgrec run digits-1: 2 epochs, accuracy \d+\.\d %>", repr(trained))
    again = imgrec.evaluate("digits-1", runs_dir=tmp_path)
    assert again.metrics["accuracy"].value == found
    assert trained.model.name == "digits-1"


def test_a_mapping_with_problems_is_refused(tmp_path: Path) -> None:
    """Each problem is named by its key; there is no line to name."""
    with pytest.raises(ConfigError) as caught:
        imgrec.train({"name": "x", "model": {}, "data": {"epochs": 3}}, runs_dir=tmp_path)
    assert "the mapping has" in caught.value.message
    assert "data.epochs: unknown key" in caught.value.message
    assert "line" not in caught.value.message
    assert not list(tmp_path.iterdir())


def test_what_a_call_can_not_mean_is_refused(tmp_path: Path) -> None:
    """Before there is a run: an engine that does not exist, a class in place of an observer."""
    for wrong in ({"engine": "foo"}, {"precision": "int9"}):
        with pytest.raises(UsageError, match="there is no") as caught:
            EngineOptions(**wrong)  # type: ignore[arg-type]
        assert caught.value.hint.startswith("use ")
    observers: Any = [imgrec.TrainingObserver]
    with pytest.raises(UsageError, match=r"is not an imgrec\.TrainingObserver"):
        imgrec.train("small_cnn", observers=observers, runs_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_checking_from_python(tmp_path: Path) -> None:
    """What can't be read is found."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), ord(name)).save(tmp_path / name / "1.png")
    (tmp_path / "a" / "bad.png").write_bytes(b"bad")
    assert imgrec.check(tmp_path).findings.bad == 1
    with pytest.raises(DataError):
        imgrec.check(tmp_path / "nowhere")


def test_classes_can_be_merged(trained: Run, picture: Path, tmp_path: Path) -> None:
    """With the sum of their probabilities, in predictions and evaluations."""
    even = imgrec.load(trained.path, class_map={"even": "0,2,4,6,8"})
    assert even.classes == ("even", "1", "3", "5", "7", "9")
    (whole,) = imgrec.load(trained.path).predict(picture, top=10)
    (merged,) = even.predict(picture, top=6)
    parts = [each.probability for each in whole.top if each.class_name in "02468"]
    (total,) = (each.probability for each in merged.top if each.class_name == "even")
    assert total == pytest.approx(sum(parts), abs=1e-6)
    for name in ("even", "1"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        shutil.copy(picture, tmp_path / "photos" / name)
    assert even.evaluate(tmp_path / "photos").images == 2
    with pytest.raises(UsageError, match="tiny-1 has no class 11"):
        imgrec.load(trained.path, class_map={"odd": "11"})


def test_quick_has_neither_epochs_nor_a_choice_of_devices() -> None:
    """Observers would never be notified."""
    for refused in ({"device": "cpu"}, {"observers": [imgrec.TrainingObserver()]}):
        with pytest.raises(UsageError, match="quick computes on the CPU, without epochs"):
            imgrec.train("photos", quick=True, **refused)


@needs_weights
@pytest.mark.slow
def test_a_quick_training(tmp_path: Path) -> None:
    """As by `train --quick`."""
    photos = write_bright_and_dark(tmp_path / "photos", 12, 32)
    trained = imgrec.train(photos, quick=True, runs_dir=tmp_path / "runs")
    assert trained.run.card.quick
    assert trained.model.predict(photos / "dark" / "00.png")[0].top[0].class_name == "dark"
