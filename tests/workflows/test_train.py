"""Training leaves a whole run, the same one every time, and goes on where it stopped."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from imgrec.config.experiment import Experiment
from imgrec.config.load import load, parse
from imgrec.errors import ConfigError, DataError, RunError, UsageError
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run, find
from imgrec.runtime.engine import open_engine
from imgrec.workflows.training import plan_training, resume, train
from tests.conftest import TINY

PHOTOS = """
name: colours
data: {root: %s, image_size: [8, 8], split: {validation: 0.2, test: 0.2}, batch_size: 8}
preprocessing: {rescale: 1/255}
model: {layers: [GlobalAveragePooling2D], output: sigmoid}
training: {epochs: 2, export: [], optimizer: {Adam: {learning_rate: 1e-1}}}
"""


def _colours(photos: Path, *overrides: str) -> Experiment:
    return parse(PHOTOS % json.dumps(str(photos)), "colours.yaml", overrides)


def _arrays(run: Run) -> dict[str, Any]:
    """The variables in a run's newest checkpoint: weights, optimizer, random states."""
    newest = max((run.path / "state").glob("*.npz"))
    with np.load(newest) as arrays:
        return {name: arrays[name] for name in arrays if name != "progress"}


def _losses(run: Run) -> list[tuple[str, str]]:
    with (run.path / "history.csv").open() as file:
        return [(row["loss"], row["val_loss"]) for row in csv.DictReader(file)]


def test_a_run_holds_everything(trained: Run) -> None:
    """Config, card, models, checkpoints, history, numbers, pictures, report, environment."""
    assert {path.name for path in trained.path.iterdir()} == {
        ".lock",
        "best.keras",
        "card.json",
        "check.json",
        "config.yaml",
        "confusion.png",
        "curves.png",
        "environment.txt",
        "history.csv",
        "images.csv",
        "last.keras",
        "metrics.json",
        "provenance.json",
        "model.tflite",
        "report.html",
        "state",
    }
    assert sorted(path.name for path in trained.state.iterdir()) == [
        "epoch-000001-step-000000000.npz",
        "epoch-000002-step-000000000.npz",
    ]


def test_the_card_records_what_the_model_needs_and_knows(trained: Run) -> None:
    """Classes, input, preprocessing, data, versions and the best epoch are in card.json."""
    card = read_card(trained.path)
    assert card.complete
    assert card.created < card.ended
    assert card.classes == tuple("0123456789")
    assert (card.input.height, card.input.width, card.input.channels) == (8, 8, 1)
    assert card.preprocessing == "times 0.00392156863, in the model"
    assert sum(source.images for source in card.data.values()) == 1797
    assert {"python", "tensorflow", "keras", "pillow", "libjpeg", "imgrec"} <= set(card.versions)
    assert card.best["monitor"] == "val_loss"
    assert card.epochs == 2


def test_the_numbers_of_the_run_are_those_of_its_best_model(trained: Run) -> None:
    """metrics.json is what the saved file answers, on the test images."""
    metrics = json.loads((trained.path / "metrics.json").read_text())
    assert metrics["split"] == "test"
    assert metrics["images"]["used"] == trained.card.data["test"].images
    assert metrics["metrics"]["accuracy"]["value"] > 0.8


def test_the_config_of_a_run_reads_back_as_the_experiment(trained: Run) -> None:
    """config.yaml has every default written out and means the same."""
    assert load(str(trained.path / "config.yaml")) == parse(TINY, "tiny.yaml")


def _photos(run: Run, *overrides: str) -> Experiment:
    """Return the experiment of `photo_run`, on its images."""
    return load(str(run.path / "config.yaml"), overrides)


def test_the_same_seed_gives_the_same_weights(photo_run: Run, tmp_path: Path) -> None:
    """Weights, optimizer and history are equal bit for bit; another seed gives others."""
    again = train(_photos(photo_run), runs_dir=tmp_path).run
    for name, array in _arrays(photo_run).items():
        np.testing.assert_array_equal(array, _arrays(again)[name])
    assert _losses(photo_run) == _losses(again)
    other = train(_photos(photo_run, "seed=1", "training.epochs=1"), runs_dir=tmp_path).run
    assert _losses(other)[0] != _losses(photo_run)[0]


def test_a_resumed_training_is_the_one_that_never_stopped(photo_run: Run, tmp_path: Path) -> None:
    """One epoch, then a second one: dropout and augmentation included, bit for bit."""
    first = train(_photos(photo_run, "training.epochs=1"), runs_dir=tmp_path).run
    resumed = resume(first, overrides=["training.epochs=2"]).run
    assert _losses(resumed) == _losses(photo_run)
    for name, array in _arrays(photo_run).items():
        np.testing.assert_array_equal(array, _arrays(resumed)[name])
    assert resumed.card.complete
    assert resumed.card.best == photo_run.card.best


def test_callbacks_keep_counting_after_a_resume(photo_run: Run, tmp_path: Path) -> None:
    """EarlyStopping's patience does not begin again."""
    stopping = "training.callbacks=[{EarlyStopping: {patience: 1, min_delta: 100}}]"

    def trained_for(epochs: int) -> Run:
        experiment = _photos(photo_run, stopping, f"training.epochs={epochs}")
        return train(experiment, runs_dir=tmp_path).run

    assert len(_losses(trained_for(9))) == 2
    first = trained_for(1)
    resumed = resume(first, overrides=["training.epochs=9"]).run
    assert len(_losses(resumed)) == 2
    with pytest.raises(UsageError, match="photos-2 stopped early after epoch 2"):
        resume(resumed)
    further = ["training.callbacks=[]", "training.epochs=3"]
    assert len(_losses(resume(resumed, overrides=further, allow_changes=True).run)) == 3


def test_without_validation_images_callbacks_monitor_the_training_images(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Keras would only warn of each epoch; like the best epoch, it is said once what is meant."""
    caplog.set_level("INFO", "imgrec")
    callbacks = (
        "{EarlyStopping: {patience: 1, min_delta: 100}}, {ReduceLROnPlateau: {monitor: loss}}"
    )
    none = f"training.callbacks=[{callbacks}]", "data.split.validation=0"
    run = train(_colours(photos, *none, "training.epochs=1"), runs_dir=tmp_path).run
    said = "no validation images: EarlyStopping monitors loss"
    assert [line for line in caplog.messages if " monitors " in line] == [said]
    resumed = resume(run, overrides=["training.epochs=9"]).run
    assert len((resumed.path / "history.csv").read_text("utf-8").splitlines()) == 3


def test_a_finished_run_has_nothing_left_to_train(trained: Run) -> None:
    """The hint says how to train further."""
    with pytest.raises(UsageError, match="has finished: 2 epochs of 2") as caught:
        resume(trained)
    assert "overrides=['training.epochs=4']" in caught.value.hint


def test_fewer_epochs_than_there_are_is_refused(trained: Run) -> None:
    """Nothing is taken back."""
    with pytest.raises(UsageError, match="tiny-1 has 2 epochs already, more than 1"):
        resume(trained, overrides=["training.epochs=1"])


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("seed=5", "seed: 0 -> 5"),
        ("data.image_size=[9, 9]", r"data.image_size: \[8, 8\] -> \[9, 9\]"),
        (
            "training.optimizer={Adam: {learning_rate: 0.1}}",
            "training.optimizer.Adam.learning_rate: 0.01 -> 0.1",
        ),
        ("model.layers=[Flatten]", r"model.layers\[0\]: .* -> 'Flatten'"),
        ("training.checkpoint.monitor=loss", "training.checkpoint.monitor: 'val_loss' -> 'loss'"),
    ],
)
def test_resuming_something_else_is_refused(trained: Run, override: str, named: str) -> None:
    """What changed is shown, as it was and as it would be."""
    with pytest.raises(UsageError, match=named) as caught:
        resume(trained, overrides=[override])
    assert caught.value.message.startswith("tiny-1 would not be resumed as the same training\n")
    assert "--allow-changes" in caught.value.hint


@pytest.mark.parametrize(
    "override",
    [
        "training.precision=float32",
        "model.output=softmax",
        "training.optimizer={Adam: {learning_rate: 0.01, beta_1: 0.9}}",
        "training.checkpoint.every=7 steps",
        "training.checkpoint.keep=all",
        "training.on_nan=restore",
        "training.export=[]",
        "data.cache=none",
    ],
)
def test_what_changes_no_step_may_change(trained: Run, override: str) -> None:
    """A default that is written out changes nothing: there is just nothing left to train."""
    with pytest.raises(UsageError, match="has finished: 2 epochs of 2"):
        resume(trained, overrides=[override])


def test_other_versions_are_refused(trained: Run) -> None:
    """Those that the result depends on, which another patch of Python is not."""
    versions = {**trained.card.versions, "keras": "3.0.0", "python": "3.11.0"}
    older = dataclasses.replace(trained, card=structs.replace(trained.card, versions=versions))
    with pytest.raises(UsageError, match=r"\n  keras: 3.0.0 -> [0-9.]+$"):
        resume(older)
    with pytest.raises(UsageError, match="has finished: 2 epochs of 2"):
        resume(older, allow_changes=True)


def test_resuming_on_other_images_is_refused(photos: Path, tmp_path: Path) -> None:
    """A training image that changed its bytes changes the fingerprint."""
    run = train(_colours(photos), runs_dir=tmp_path / "runs").run
    victim = next(path for path in photos.glob("*/*.png") if _split_of(run, path) == "train")
    victim.write_bytes(victim.with_name("01.png").read_bytes() + b"x")
    (photos / "red" / "19.png").rename(photos / "red" / "20.png")
    with pytest.raises(DataError, match="are not those that colours-1 was trained with") as caught:
        resume(run, overrides=["training.epochs=3"])
    new, missing, *others = caught.value.message.splitlines()[1:]
    assert (new, missing) == ("  1 new: red/20.png", "  1 missing: red/19.png")
    victim_name = f"{victim.parent.name}/{victim.name}"
    assert f"  1 with other content: {victim_name}" in others
    resumed = resume(run, overrides=["training.epochs=3"], allow_changes=True).run
    assert resumed.card.fingerprint != run.card.fingerprint
    assert resume_again(resumed) == 4


def resume_again(run: Run) -> int:
    """Train one epoch more; return how many there are."""
    return resume(run, overrides=[f"training.epochs={run.card.epochs + 1}"]).run.card.epochs


def _split_of(run: Run, path: Path) -> str:
    with (run.path / "images.csv").open() as file:
        names = {row["name"]: row["split"] for row in csv.DictReader(file)}
    return names[f"{path.parent.name}/{path.name}"]


def test_colours_are_learned_with_one_sigmoid_unit(photos: Path, tmp_path: Path) -> None:
    """A folder of class folders trains, and the engine's columns are in class order."""
    result = train(_colours(photos, "training.epochs=15"), runs_dir=tmp_path / "runs")
    assert result.run.card.classes == ("blue", "red")
    assert result.evaluation.metrics["accuracy"].value == 1
    red = np.zeros((1, 8, 8, 3), np.uint8)
    red[..., 0] = 200
    assert open_engine(result.run).answers(red).probabilities[0, 1] > 0.5


def test_bad_images_stop_the_training_before_anything_is_written(
    photos: Path, tmp_path: Path
) -> None:
    """All of them are named and counted."""
    (photos / "red" / "03.png").write_bytes(b"no image")
    (photos / "blue" / "04.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        train(_colours(photos), runs_dir=tmp_path / "runs")
    first, *names = caught.value.message.splitlines()
    assert first == "2 of 40 images can't be read"
    assert {name.split(":")[0].strip() for name in names} == {"red/03.png", "blue/04.png"}
    assert "data.bad_images" in caught.value.hint
    assert not (tmp_path / "runs").exists()


def test_bad_images_may_be_skipped_and_stay_on_record(photos: Path, tmp_path: Path) -> None:
    """The run says how many and which; nothing took their place."""
    (photos / "red" / "03.png").write_bytes(b"no image")
    run = train(_colours(photos, "data.bad_images=skip"), runs_dir=tmp_path / "runs").run
    assert run.card.skipped == 1
    assert sum(source.images for source in run.card.data.values()) == 39
    with (run.path / "images.csv").open() as file:
        skipped = {row["name"] for row in csv.DictReader(file) if row["skipped"]}
    assert skipped == {"red/03.png"}


def test_copies_are_reported_where_the_numbers_are(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Early, so that the training can be stopped, and again at its end."""
    shutil.copy(photos / "red" / "03.png", photos / "blue" / "copy.png")
    train(_colours(photos, "training.epochs=1"), runs_dir=tmp_path / "runs")
    early, late = (line for line in caplog.messages if "under several labels" in line)
    assert early == "same file under several labels: 2 (red/03.png, blue/copy.png)"
    assert late == caplog.messages[-1]
    assert late.endswith("\nso the metrics may be too good or too bad")


def test_a_class_without_a_readable_image_is_refused(photos: Path, tmp_path: Path) -> None:
    """Skipping must not empty a class."""
    for path in (photos / "red").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="no readable training image is left of red"):
        train(_colours(photos, "data.bad_images=skip"), runs_dir=tmp_path)


def test_steps_per_epoch_count_as_keras_does(photos: Path, tmp_path: Path) -> None:
    """Two steps of eight images an epoch; the next epoch goes on in the data.

    `last` finds the run, with the card as written.
    """
    steps = ["training.steps_per_epoch=2", "training.validation_steps=1"]
    run = train(_colours(photos, *steps), runs_dir=tmp_path / "runs").run
    assert len(_losses(run)) == 2
    found = find("last", tmp_path / "runs")
    assert found.path == run.path
    assert found.card == run.card


def test_a_plan_says_what_would_be_and_trains_nothing(photos: Path, tmp_path: Path) -> None:
    """Resolved config, network, counts; no file is written."""
    found = plan_training(_colours(photos))
    assert parse(found.config, "plan") == _colours(photos)
    assert found.network is not None
    assert found.network.layers[-1].name == "probabilities"
    assert {split: sum(counts.values()) for split, counts in found.counts.items()} == {
        "train": 24,
        "validation": 8,
        "test": 8,
    }
    assert not (tmp_path / "runs").exists()


def test_sigmoid_for_three_classes_is_reported_before_training(
    photos: Path, tmp_path: Path
) -> None:
    """The output does not fit the classes of the data."""
    (photos / "green").mkdir()
    for number in range(5):
        source = photos / "red" / f"{number:02d}.png"
        (photos / "green" / source.name).write_bytes(source.read_bytes())
    with pytest.raises(ConfigError, match="the data has 3; use softmax"):
        train(_colours(photos), runs_dir=tmp_path / "runs")


def test_a_run_without_any_validation_is_judged_on_its_training_images(
    photos: Path, tmp_path: Path
) -> None:
    """With `split` all zero the best epoch is the one with the best training loss."""
    everything = _colours(photos, "data.split={validation: 0, test: 0}")
    result = train(everything, runs_dir=tmp_path / "runs")
    assert result.assessment.split == "train"
    assert result.run.card.best["monitor"] == "loss"


def test_a_training_reports_which_requirements_are_met(photos: Path, tmp_path: Path) -> None:
    """In its report and its numbers; what is not met, or can't be measured, stops nothing."""
    asked = ["recall[red] >= 0", "accuracy > 1", "slice[size=none].accuracy > 0"]
    wanted = [f"evaluation.require={json.dumps(asked)}", "training.epochs=1"]
    limits = [
        "model.output=softmax",
        "evaluation.selective_prediction={coverage: 0.3, calibration: 1}",
    ]
    found = train(_colours(photos, *wanted, *limits), runs_dir=tmp_path / "runs")
    assert found.run.card.complete
    assert [each.met for each in found.assessment.verdicts] == [True, False, False]
    document = json.loads((found.run.path / "metrics.json").read_bytes())
    assert [each["met"] for each in document["requirements"]] == [True, False, False]
    assert document["metrics"]["coverage"]["value"] > 0
    page = (found.run.path / "report.html").read_text("utf-8")
    assert "Gate not met: 2 of 3 requirements not met" in page
    assert "This model answers “unknown”" in page
    assert "<dt>unknown below</dt>" in page


def test_a_requirement_of_an_unknown_class_is_reported_before_a_training(
    photos: Path, tmp_path: Path
) -> None:
    """With its line, and with the class that may be meant."""
    experiment = _colours(photos, 'evaluation.require=["accuracy > 0", "recall[rad] > 0"]')
    with pytest.raises(ConfigError, match=r"evaluation.require\[1\].*did you mean red"):
        train(experiment, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_weights_that_are_missing_are_reported_before_images_are_looked_for(tmp_path: Path) -> None:
    """They may be many; neither is there."""
    overrides = ["model.backbone.weights=missing.h5"]
    with pytest.raises(RunError, match=r"^the weights of VGG16 do not exist: missing\.h5"):
        train(load("vgg16_transfer", overrides), runs_dir=tmp_path)
