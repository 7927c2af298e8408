"""A training that goes on as another one: knowingly, on record, and never half of each."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from imgrec.config.experiment import Experiment
from imgrec.config.load import load, parse
from imgrec.errors import UsageError
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run
from imgrec.runs.looks import LOOKS_FILE
from imgrec.workflows.training import resume, train
from tests.workflows.photos import PHOTOS

COSINE = "{CosineDecay: {initial_learning_rate: 0.01, decay_steps: 9}}"
SLOWER = "training.optimizer={Adam: {learning_rate: 0.002}}"


@pytest.fixture
def run(photo_run: Run, tmp_path: Path) -> Run:
    """A copy of the run of PHOTOS: two epochs, complete."""
    return _copied(photo_run, tmp_path)


def _copied(run: Run, folder: Path) -> Run:
    path = shutil.copytree(run.path, folder / run.name)
    return Run(path, read_card(path))


def _experiment(photos: Path, *overrides: str) -> Experiment:
    return parse(PHOTOS % json.dumps(str(photos)), "photos.yaml", overrides)


def _column(run: Run, name: str) -> list[float]:
    with (run.path / "history.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def _drifted(run: Run, *overrides: str, epochs: int = 3) -> Run:
    longer = [f"training.epochs={epochs}", *overrides]
    return resume(run, overrides=longer, allow_changes=True).run


def _filters(run: Run, name: str) -> Any:
    """Return the first weights of a model, which calibration leaves alone."""
    import keras

    return np.asarray(keras.models.load_model(run.path / name).trainable_variables[0])


def test_a_changed_learning_rate_is_taken_and_stays_on_record(run: Run) -> None:
    """The rate of the checkpoint is replaced, and the card records it."""
    drifted = _drifted(run, SLOWER)
    assert _column(drifted, "learning_rate") == pytest.approx([0.01, 0.01, 0.002])
    changes = ("after epoch 2: training.optimizer.Adam.learning_rate: 0.01 -> 0.002",)
    assert drifted.card.changes == changes
    further = resume(drifted, overrides=["training.epochs=4"]).run
    assert _column(further, "learning_rate")[3] == pytest.approx(0.002)
    assert further.card.changes == changes


def test_validation_may_go_and_come_back(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """What an epoch did not measure is NaN; another value determines the best epoch."""
    caplog.set_level("INFO", "imgrec")
    without = _drifted(run, "data.split={validation: 0, test: 0.2}")
    assert [math.isnan(value) for value in _column(without, "val_loss")] == [False, False, True]
    assert without.card.best["monitor"] == "loss"
    assert "the best epoch is chosen again from here on: by loss" in caplog.text
    again = _drifted(without, "data.split={validation: 0.2, test: 0.2}", epochs=4)
    nan = [math.isnan(value) for value in _column(again, "val_loss")]
    assert nan == [False, False, True, False]
    assert again.card.best["epoch"] == 4
    assert any("images: " in line for line in again.card.changes)


@pytest.mark.parametrize("override", ["monitor=accuracy", "mode=max"])
def test_another_monitor_chooses_the_best_epoch_again(run: Run, override: str) -> None:
    """A loss can't be compared with an accuracy: the next epoch is the best one so far."""
    drifted = _drifted(run, f"training.checkpoint.{override}")
    assert drifted.card.best["epoch"] == 3
    np.testing.assert_array_equal(_filters(drifted, "best.keras"), _filters(drifted, "last.keras"))


def test_another_way_to_tell_the_best_needs_an_epoch(run: Run) -> None:
    """Where the training is through, and only its evaluation was cut off, there is none."""
    cut = dataclasses.replace(run, card=structs.replace(run.card, complete=False))
    with pytest.raises(UsageError, match="has no epoch left"):
        resume(cut, overrides=["training.checkpoint.monitor=loss"], allow_changes=True)


def test_an_evaluation_that_was_cut_off_looks_once(run: Run, photo_run: Run) -> None:
    """The same model looks at the test images again; one that was trained further is another."""
    looks = Path(shutil.copy(photo_run.path.parent / LOOKS_FILE, run.path.parent))
    before = looks.read_text("utf-8")
    cut = dataclasses.replace(run, card=structs.replace(run.card, complete=False))
    resume(cut)
    assert looks.read_text("utf-8") == before
    _drifted(run)
    assert looks.read_text("utf-8").count("\n") == before.count("\n") + 1


def test_a_callback_does_not_count_on_from_another_one(photos: Path, tmp_path: Path) -> None:
    """EarlyStopping waits as long as it says, whatever stood in its place before."""
    plateau = "training.callbacks=[{ReduceLROnPlateau: {patience: 3, min_delta: 100}}]"
    begun = _experiment(photos, plateau, "training.epochs=1")
    first = train(begun, runs_dir=tmp_path / "runs").run
    stopping = "training.callbacks=[{EarlyStopping: {patience: 1, min_delta: 100}}]"
    assert len(_column(_drifted(first, stopping, epochs=9), "loss")) == 3


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("training.optimizer=SGD", r"training\.optimizer: \{'Adam'.* -> 'SGD'"),
        ("training.optimizer={Nadam: {learning_rate: 1e-2}}", r"training\.optimizer: .*Nadam"),
        ("training.metrics=[accuracy, AUC]", r"training\.metrics\[1\]: none -> 'AUC'"),
        (
            f"training.optimizer={{Adam: {{learning_rate: {COSINE}}}}}",
            r"training\.optimizer\.Adam\.learning_rate: 0\.01 -> \{'CosineDecay'",
        ),
        ("model.layers=[Flatten]", r"model\.layers\[0\]: .* -> 'Flatten'"),
    ],
)
def test_what_no_checkpoint_survives_is_refused(run: Run, override: str, named: str) -> None:
    """Allowed or not, the key is named, and the run stays as it was."""
    with pytest.raises(UsageError, match=named) as caught:
        _drifted(run, override)
    assert "its checkpoint does not fit" in caught.value.message
    assert caught.value.hint == "leave it as it was, or train again"
    assert read_card(run.path) == run.card
    assert load(str(run.path / "config.yaml")).training.epochs == 2


def test_another_device_and_precision_are_reported(run: Run) -> None:
    """`precision: auto` is another one on a GPU; the hint keeps it."""
    assert run.card.computing == {"device": "cpu", "precision": "float32", "replicas": "1"}
    computing = {"device": "gpu", "precision": "mixed_float16", "replicas": "2"}
    begun = dataclasses.replace(run, card=structs.replace(run.card, computing=computing))
    for allowed in (False, True):
        with pytest.raises(UsageError) as caught:
            resume(begun, overrides=["training.epochs=3"], allow_changes=allowed)
        assert caught.value.message.splitlines()[1:] == [
            "  device: gpu -> cpu",
            "  precision: mixed_float16 -> float32",
            "  replicas: 2 -> 1",
        ]
        assert "overrides=['training.precision=mixed_float16'] --allow-changes" in caught.value.hint


def test_a_card_that_does_not_tell_device_and_precision_is_read(run: Run) -> None:
    """Older ones: there is nothing to compare with, and nothing drifted."""
    path = run.path / "card.json"
    document = json.loads(path.read_text())
    del document["computing"], document["changes"]
    path.write_text(json.dumps(document))
    older = Run(run.path, read_card(run.path))
    with pytest.raises(UsageError, match="has finished: 2 epochs of 2"):
        resume(older)
    with pytest.raises(UsageError, match=r"training\.precision: 'auto' -> 'mixed_float16'"):
        resume(older, overrides=["training.precision=mixed_float16"])


def test_nothing_left_is_reported_before_an_image_is_read(photos: Path, tmp_path: Path) -> None:
    """The photos are away, and it does not matter."""
    run = train(_experiment(photos, "training.epochs=1"), runs_dir=tmp_path / "runs").run
    shutil.rmtree(photos)
    with pytest.raises(UsageError, match="has finished: 1 epoch of 1"):
        resume(run)


def _without_its_last_checkpoint(run: Run) -> Run:
    max(run.state.glob("*.npz")).write_bytes(b"damaged")
    assert run.card.best["epoch"] == 2
    return run


def test_an_epoch_trained_again_is_the_same(run: Run, photo_run: Run) -> None:
    """The newest checkpoint is damaged: the one before it leads to the same best model."""
    again = resume(_without_its_last_checkpoint(run)).run
    assert again.card.best == photo_run.card.best
    assert _column(again, "val_loss") == _column(photo_run, "val_loss")
    np.testing.assert_array_equal(_filters(again, "best.keras"), _filters(photo_run, "best.keras"))


def test_an_epoch_trained_again_and_worse_leaves_no_model_of_before(
    trained: Run, tmp_path: Path
) -> None:
    """best.keras was of the better one; card and file are of one and the same epoch."""
    fast = "training.optimizer={Adam: {learning_rate: 0.5}}"
    damaged = _without_its_last_checkpoint(_copied(trained, tmp_path))
    again = _drifted(damaged, fast, "training.export=[]", epochs=2)
    losses = _column(again, "val_loss")
    assert losses[1] > losses[0]
    assert again.card.best["epoch"] == 2
    np.testing.assert_array_equal(_filters(again, "best.keras"), _filters(again, "last.keras"))
