"""`train --quick`: a complete run in seconds, whose features LiteRT computes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from imgrec.errors import ConfigError, DataError, RunError, UsageError
from imgrec.models.litert import read_head
from imgrec.progress import Silent
from imgrec.runs.card import BEST_MODEL
from imgrec.runs.folder import Run, find
from imgrec.runtime.engine import EngineOptions, open_engine
from imgrec.runtime.keras_engine import open_keras
from imgrec.runtime.litert_engine import open_litert
from imgrec.runtime.score import score
from imgrec.scores import Scores, one_hot
from imgrec.workflows.experiment_argument import experiment_of
from imgrec.workflows.export import default_output, export
from imgrec.workflows.prepare import read_splits
from imgrec.workflows.training import (
    QUICK,
    begin_repeats,
    held_out_similarities,
    plan_quick,
    references,
    resume,
    threshold_of,
    train_quick,
)
from tests.conftest import needs_weights, write_bright_and_dark

pytestmark = needs_weights


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 12 bright and 12 dark images."""
    return write_bright_and_dark(tmp_path_factory.mktemp("photos"), 12, 64)


def _quick(folder: Path, runs: Path, *overrides: str) -> Run:
    place = ("data.root=null", "data.split=null", f"data.train={folder}")
    wanted = (*QUICK, *place, f"data.validation={folder}", "data.cache=none", *overrides)
    experiment, _ = experiment_of(str(folder), wanted)
    return train_quick(experiment, runs_dir=runs).run


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of these images."""
    return _quick(photos, tmp_path_factory.mktemp("runs"))


def test_a_quick_run_is_complete(run: Run) -> None:
    """It has a LiteRT file that gives the answers of the head, but no Keras model and no epochs."""
    names = {path.name for path in run.path.iterdir()}
    assert {"model.tflite", "card.json", "config.yaml", "metrics.json", "report.html"} <= names
    assert not names & {"best.keras", "last.keras", "history.csv", "curves.png", "state"}
    card = run.card
    assert card.complete
    assert card.head is not None
    assert (card.head.images, card.head.accuracy) == (24, 1)
    assert card.calibration is not None
    (parity,) = card.export_parity
    assert (parity.images, parity.agreement) == (24, 1)
    assert parity.difference < 1e-5


def test_names_and_order_change_nothing(run: Run, photos: Path, tmp_path: Path) -> None:
    """The same photos under other names, in another order, give the same weights and answers."""
    for path in photos.glob("*/*.png"):
        renamed = tmp_path / "renamed" / path.parent.name / f"{50 - int(path.stem):02d}.png"
        renamed.parent.mkdir(parents=True, exist_ok=True)
        renamed.write_bytes(path.read_bytes())
    other = _quick(tmp_path / "renamed", tmp_path / "runs")
    assert other.card.head == run.card.head
    heads = [read_head((each.path / "model.tflite").read_bytes()) for each in (run, other)]
    for ours, theirs in zip(*heads, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    experiment, _ = experiment_of(str(photos))
    records = read_splits(experiment).records
    first, second = (
        score(open_engine(each), records, labelled=True, bad_images="error", progress=Silent())
        for each in (run, other)
    )
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


def test_with_few_validation_images_the_cross_validation_calibrates(
    photos: Path, tmp_path: Path
) -> None:
    """The temperature is that of its answers; fewer than 10 images give none. Groups stay whole.

    So is the threshold of `evaluation.selective_prediction`.
    """
    overrides = "data.group='(.)[.]png'", "evaluation.selective_prediction={coverage: 0.5}"
    card = _quick(photos, tmp_path, "data.validation=null", *overrides).card
    assert card.data["validation"].images == 4
    found = card.calibration
    assert found is not None
    assert (found.split, found.images) == ("cross-validated training", 20)
    assert found.model == card.hashes["model.tflite"]
    assert found.loss_after <= found.loss_before
    chosen = card.threshold
    assert chosen is not None
    assert (chosen.split, chosen.images) == ("cross-validated training", 20)
    assert (chosen.target, chosen.confidence) == ("coverage 0.5", 0.95)
    assert 0.5 <= chosen.coverage < 1
    assert not card.no_threshold


def test_photos_unlike_those_of_the_training_are_unknown(run: Run, photos: Path) -> None:
    """The LiteRT file has the OOD similarity, whose limit 95 % of usual photos reach."""
    limit = run.card.threshold
    assert limit is not None
    assert (limit.value, limit.target, limit.images) == (0, "coverage 0.95", 24)
    engine = open_engine(run)
    records = read_splits(experiment_of(str(photos))[0]).records
    own = score(engine, records, labelled=True, bad_images="error", progress=Silent())
    assert own.ood_similarity is not None
    np.testing.assert_allclose(own.ood_similarity, 1, atol=1e-3)
    ramp = np.linspace(0, 255, 224).astype(np.uint8)
    pixels = np.broadcast_to(ramp[None, :, None], (1, 224, 224, 3))
    strange = engine.answers(pixels)
    assert engine.decision.known(own.probabilities, own.ood_similarity).all()
    assert not engine.decision.known(strange.probabilities, strange.ood_similarity).any()


def test_a_target_that_the_photos_do_not_support() -> None:
    """Only the OOD similarity has a limit; the reason is said."""
    truth = one_hot(np.arange(20) % 2, 2)
    alike = np.linspace(0.5, 0.88, 20).astype(np.float32)
    scores = Scores(
        tuple("abcdefghijklmnopqrst"), truth, truth.astype(np.float32), ("a", "b"), (), alike
    )
    threshold, reason = threshold_of(scores, ("precision", 0.98))
    assert (threshold.value, threshold.target, threshold.confidence) == (0, "coverage 0.95", None)
    assert threshold.ood_similarity == pytest.approx(0.5, abs=1e-3)
    assert reason == (
        "no threshold is set: 20 cross-validated training images can't guarantee a precision of "
        "0.98 with 95 % confidence, at best 0.86"
    )
    found, reason = threshold_of(scores, ("precision", 0.8))
    assert (found.target, found.confidence, reason) == ("precision 0.8", 0.95, "")


def test_photos_of_a_group_are_not_compared() -> None:
    """The OOD similarity of a labelled photo is that to the nearest one of another group."""
    features = np.array([[1, 0], [1, 0.1], [0, 1], [0, 2]], np.float32)
    known = references(features)
    alone = held_out_similarities(features, known)
    np.testing.assert_allclose(alone, [0.995, 0.995, 1, 1], atol=1e-3)
    grouped = held_out_similarities(features, known, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(grouped, [0, 0.0995, 0.0995, 0.0995], atol=1e-3)


def test_what_a_quick_run_lacks(run: Run) -> None:
    """It has no Keras model and nothing to resume; both are said."""
    with pytest.raises(RunError, match=r"has no model\.int8\.tflite") as found:
        open_engine(run, EngineOptions(engine="litert", precision="int8"))
    assert found.value.hint == f"`imgrec export {run.path} --precision int8` writes it"
    with pytest.raises(RunError, match="trained with quick=True: it has no Keras model") as found:
        open_keras(run)
    assert found.value.hint == f"`imgrec export {run.path} --format keras` adds one to the run"
    with pytest.raises(UsageError, match="has finished: its head is solved exactly"):
        resume(run)


def test_its_file_is_copied(run: Run, tmp_path: Path) -> None:
    """LiteRT in float32 is what the run consists of; another precision goes into the run."""
    exported = export(run, output=tmp_path / "copy.tflite")
    assert (exported.parity.agreement, exported.parity.difference) == (1, 0)
    assert not (run.path / BEST_MODEL).exists()
    assert default_output(run, "litert", "int8") is None


@pytest.mark.tensorflow
def test_its_keras_model_is_made_when_it_is_needed(run: Run, tmp_path: Path) -> None:
    """It gives the answers of the LiteRT file, and is exported like that of any other run."""
    copied = Run(Path(shutil.copytree(run.path, tmp_path / "copied")), run.card)
    added = export(copied, form="keras")
    made = find(str(copied.path), tmp_path)
    assert (added.path, added.parity.agreement) == (made.path / BEST_MODEL, 1)
    exported = export(made, form="keras", output=tmp_path / "model.keras")
    assert exported.parity.agreement == 1
    assert not made.card.only_litert
    assert made.card.calibration is not None
    assert made.card.calibration.model == made.card.hashes[BEST_MODEL]
    assert made.card.network is not None
    pixels = np.random.default_rng(1).integers(0, 256, (4, 224, 224, 3), np.uint8)
    first, second = open_litert(run).answers(pixels), open_keras(made).answers(pixels)
    assert first.ood_similarity is not None
    assert second.ood_similarity is not None
    np.testing.assert_allclose(first.probabilities, second.probabilities, atol=1e-5)
    np.testing.assert_allclose(first.ood_similarity, second.ood_similarity, atol=1e-5)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.head=null", "model.head: quick=True needs logistic"),
        ("model.backbone.name=VGG16", "model.backbone: quick=True needs EfficientNetLite0"),
        ("model.backbone.weights=null", "model.backbone: quick=True needs EfficientNetLite0"),
        ("model.layers=[GlobalMaxPooling2D]", "model.layers: quick=True needs GlobalAverage"),
        ("training.precision=mixed_bfloat16", "training.precision: quick=True computes in float32"),
        ("data.image_size=[224, 192]", "data.image_size: quick=True needs height and width"),
        ("training.export=[int8]", "training.export: quick=True writes float32"),
    ],
)
def test_what_quick_excludes(photos: Path, tmp_path: Path, override: str, message: str) -> None:
    """Settings that need TensorFlow are named, before an image is read."""
    with pytest.raises(ConfigError, match=message):
        _quick(photos, tmp_path / "runs", override)
    assert not (tmp_path / "runs").exists()


def test_every_setting_that_quick_excludes_is_named(photos: Path, tmp_path: Path) -> None:
    """At once, each at its key; the dry run names them, too."""
    overrides = (*QUICK, "model.backbone.name=VGG16", "training.export=[]")
    experiment, _ = experiment_of(str(photos), overrides)
    with pytest.raises(ConfigError, match="has 2 problems") as caught:
        plan_quick(experiment)
    assert "needs EfficientNetLite0 or EfficientNetLite2 with its" in caught.value.message
    assert caught.value.hint == (
        "leave out quick=True, or do not set model.backbone and training.export"
    )
    with pytest.raises(ConfigError, match="has 2 problems"):
        begin_repeats(experiment, "folds", 3, runs_dir=tmp_path / "runs", quick=True)
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_needs_no_tensorflow(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layers of the network are then not known."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    plan = plan_quick(experiment_of(str(photos), QUICK)[0])
    assert (plan.network, plan.missing) == (None, None)
    assert plan.counts["train"] == {"bright": 9, "dark": 9}


def test_photos_that_give_no_head_leave_no_run(photos: Path, tmp_path: Path) -> None:
    """A photo in two classes is named, and nothing is written."""
    folder = tmp_path / "mixed"
    for path in photos.glob("*/*.png"):
        place = folder / path.relative_to(photos)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    (folder / "dark" / "copy.png").write_bytes((folder / "bright" / "03.png").read_bytes())
    with pytest.raises(DataError, match="are the same photo in two classes"):
        _quick(folder, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
