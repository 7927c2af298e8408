"""A run as the backbone of another one."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.errors import RunError, UsageError
from imgrec.files import sha256_of
from imgrec.runs.card import BEST_MODEL, Card
from imgrec.runs.card_file import write_card
from imgrec.runs.folder import Run, find
from imgrec.workflows.training import plan_training, resume, train
from tests.conftest import TINY

LAYERS = "model={backbone: {run: tiny-1}, layers: []}"
OWN = ("preprocessing={}", "augmentation=null", "name=transfer")


def _experiment(*overrides: str) -> Experiment:
    return parse(TINY, "transfer.yaml", [LAYERS, *OWN, "training.export=[]", *overrides])


def _changed(run: Run, **fields: object) -> Card:
    card = structs.replace(run.card, **fields)
    write_card(run.path, card)
    return card


@pytest.fixture
def runs(trained: Run, tmp_path: Path) -> Path:
    """A runs folder with the run of TINY."""
    shutil.copytree(trained.path, tmp_path / "runs" / "tiny-1")
    return tmp_path / "runs"


def test_a_head_is_trained_on_the_features_of_a_run(
    runs: Path, trained: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """They are cached, and those of the run, also in its files of fewer bits.

    A run that has changed since is noticed.
    """
    import keras

    with caplog.at_level(logging.INFO, "imgrec"):
        run = train(
            _experiment("training.epochs=1", "training.export=[float16, int8]"), runs_dir=runs
        ).run
    assert "features: 1,078 images" in caplog.text
    assert "the backbone run tiny-1 was trained on them" not in caplog.text
    place, digest = runs / "tiny-1", trained.card.hashes[BEST_MODEL]
    assert run.card.backbone is not None
    assert structs.astuple(run.card.backbone) == ("tiny-1", str(place), digest, "")
    assert run.card.preprocessing == trained.card.preprocessing
    assert [each.precision for each in run.card.export_parity] == ["float16", "int8"]
    before = keras.models.load_model(trained.path / BEST_MODEL)
    after = keras.models.load_model(run.path / BEST_MODEL)
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 1)).astype(np.float32)
    features = keras.Model(before.input, before.get_layer("probabilities").input)(pixels)
    np.testing.assert_array_equal(after.get_layer("backbone")(pixels), features)

    shutil.copy(run.path / BEST_MODEL, place / BEST_MODEL)
    _changed(find("tiny-1", runs), hashes={BEST_MODEL: sha256_of(place / BEST_MODEL)})
    with pytest.raises(UsageError, match="the model of the backbone run tiny-1 is not the one"):
        resume(run, overrides=["training.epochs=2"])
    shutil.rmtree(place)
    with pytest.raises(RunError, match=r"model\.backbone\.run: there is no run") as caught:
        resume(run, overrides=["training.epochs=2"])
    assert "or use another run: `model.backbone.run: RUN` in the config" in caught.value.hint


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("run=tiny-2", RunError, "model.backbone.run: there is no run tiny-2"),
        ("until=conv", UsageError, "no layer 'conv'; it has layers such as conv2d"),
        ("until=conv2d", UsageError, "the output of the layers is 6 x 6 x 8, not a vector"),
    ],
)
def test_what_can_not_be_a_backbone_is_named(
    runs: Path, override: str, error: type[Exception], message: str
) -> None:
    """Before anything is trained."""
    with pytest.raises(error, match=message):
        plan_training(_experiment(f"model.backbone.{override}"), runs_dir=runs)


def test_a_backbone_run_is_complete_and_has_a_keras_file(runs: Path) -> None:
    """One that is trained at the moment would change."""
    run = find("tiny-1", runs)
    _changed(run, complete=False)
    with pytest.raises(RunError, match=r"model\.backbone\.run: tiny-1 is not complete") as caught:
        plan_training(_experiment(), runs_dir=runs)
    assert f"`imgrec train --resume {run.path}` continues it" in caught.value.hint
    _changed(run, complete=True)
    (run.path / BEST_MODEL).unlink()
    with pytest.raises(RunError, match=r"best\.keras is missing"):
        plan_training(_experiment(), runs_dir=runs)


def test_the_images_are_those_of_the_backbone(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Other channels are refused, other sizes and forms are named."""
    with pytest.raises(UsageError, match=r"data\.channels: must be 1, as for the backbone run"):
        plan_training(_experiment("data.channels=3"), runs_dir=runs)
    with pytest.raises(UsageError, match=r"rescale: the backbone run has its own"):
        _experiment("preprocessing.rescale=1/255")
    plan_training(_experiment("data.image_size=[9, 9]"), runs_dir=runs)
    assert "data.image_size: [9, 9], not [8, 8]" in caplog.text
