"""`model.head: logistic`: a run without epochs, whose output layer is solved exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imgrec
from imgrec.errors import DataError, UsageError
from imgrec.runs.folder import Run
from imgrec.training.logistic import LabelledPhotos, fit_head
from imgrec.workflows.training import resume, train
from tests.training.conftest import Make

pytestmark = pytest.mark.tensorflow

HEAD = ("model.head=logistic", "model.layers=[GlobalAveragePooling2D]", "training={}")
WITHOUT_FILE = "training={export: []}"


@pytest.fixture(scope="module")
def run(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose head is solved exactly."""
    return train(make(*HEAD), runs_dir=tmp_path_factory.mktemp("runs")).run


def _model(run: Run) -> Any:
    import keras

    return keras.models.load_model(run.path / "best.keras")


def test_the_last_layer_is_the_solution(run: Run, root: Path) -> None:
    """The kernel of best.keras is the one that `fit_head` returns, divided by the temperature."""
    import keras

    model, names = _model(run), _names(run)
    pixels = np.stack([np.asarray(Image.open(root / name), np.float32) for name in names])
    features = keras.Model(model.input, model.get_layer("probabilities").input).predict(
        pixels, batch_size=8, verbose=0
    )
    labels = np.array([name.startswith("dark") for name in names]).astype(int)
    photos = LabelledPhotos(labels, names, names, run.card.classes)
    head = run.card.head
    assert head is not None
    assert run.card.calibration is not None
    expected = fit_head(photos, features, strength=head.strength).kernel
    found = model.get_layer("probabilities").get_weights()[0] * run.card.calibration.temperature
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def _names(run: Run) -> list[str]:
    """Return the training images' names."""
    from imgrec.runs.image_list import recorded_images

    return list(recorded_images(run.path)["train"])


def test_what_the_run_holds(run: Run) -> None:
    """There are no epochs, so no history and no checkpoints; the card says what there is."""
    names = {path.name for path in run.path.iterdir()}
    assert {"best.keras", "model.tflite", "report.html", "metrics.json"} <= names
    assert not names & {"history.csv", "curves.png", "last.keras", "state"}
    card = run.card
    assert (card.complete, card.epochs, card.best, card.validated) == (True, 0, {}, None)
    assert card.head is not None
    assert (card.head.kind, card.head.folds, card.head.images) == ("logistic", 5, 32)
    assert card.head.low < card.head.accuracy <= card.head.high
    (parity,) = card.export_parity
    assert parity.agreement == 1
    assert "cross-validated accuracy" in (run.path / "report.html").read_text()


def test_the_same_images_give_the_same_weights(run: Run, make: Make, tmp_path: Path) -> None:
    """Also with features that are not cached; in Python the history is empty."""
    trained = imgrec.train(make(*HEAD, "data.cache=none", WITHOUT_FILE), runs_dir=tmp_path)
    for ours, theirs in zip(
        _model(run).get_weights(), _model(trained.run).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert trained.history == {}
    assert "logistic head" in repr(trained)


def test_names_order_and_copies_change_no_bit(make: Make, root: Path, tmp_path: Path) -> None:
    """Other batches for the backbone would change the last bits of the features."""

    def weights(folder: Path) -> Any:
        place = ("data.root=null", "data.split=null", "data.cache=none", WITHOUT_FILE)
        splits = (f"data.train={folder}", f"data.validation={root}")
        return _model(train(make(*HEAD, *place, *splits), runs_dir=tmp_path).run).get_weights()

    for path in root.glob("*/*.png"):
        renamed = tmp_path / "renamed" / path.parent.name / f"{50 - int(path.stem):02d}.png"
        renamed.parent.mkdir(parents=True, exist_ok=True)
        renamed.write_bytes(path.read_bytes())
        if path.match("dark/03.png"):
            renamed.with_name("copy.png").write_bytes(path.read_bytes())
    for ours, theirs in zip(weights(root), weights(tmp_path / "renamed"), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nothing_is_left_to_resume(run: Run) -> None:
    """A finished one is refused, with the reason."""
    with pytest.raises(UsageError, match="has finished: its head is solved exactly"):
        resume(run)


def test_images_that_give_no_head_are_found_early(make: Make, root: Path, tmp_path: Path) -> None:
    """Before anything is computed or written: a photo that is in two classes is named."""
    folder = tmp_path / "images"
    for name in ("bright", "dark"):
        (folder / name).mkdir(parents=True)
        for path in sorted((root / name).glob("0*.png")):
            (folder / name / path.name).write_bytes(path.read_bytes())
    (folder / "dark" / "copy.png").write_bytes((root / "bright" / "03.png").read_bytes())
    overrides = (f"data.root={folder}", "data.split={validation: 0.1}")
    with pytest.raises(DataError, match="are the same photo in two classes"):
        train(make(*HEAD, *overrides), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
