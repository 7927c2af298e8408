"""A stranger's model becomes a run that answers as the model does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.models.adapt import Adaptation
from imgrec.runs.folder import Run
from imgrec.workflows.import_model import Import, import_model
from imgrec.workflows.predict import predict

ELEPHANTS = {"African_elephant", "Indian_elephant", "tusker"}


@pytest.fixture(scope="module")
def imagenet(shared: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The EfficientNet-Lite0 of ImageNet as a run, imported without a word on its pixels."""
    model = shared("weights/efficientnet_lite0_imagenet_top.keras")
    classes = shared("weights/imagenet_class_index.json")
    return import_model(Import(model, str(classes)), runs_dir=tmp_path_factory.mktemp("imported"))


def test_photos_are_recognised(imagenet: Run, shared: Callable[[str], Path]) -> None:
    """Of 29 everyday photos, at least 26 have their name in the top 5.

    Banana and pizza come first, and an elephant is taken for one of the elephants.
    """
    photos = sorted(shared("data/photos").glob("*.jpg"))
    found = predict([str(photo) for photo in photos], model=imagenet, top=5).predictions
    top = {
        photo.stem: [name for name, _ in each.top]
        for photo, each in zip(photos, found, strict=True)
    }
    named = [stem for stem, names in top.items() if stem in [name.lower() for name in names]]
    assert (len(photos), len(named) >= 26) == (29, True)
    assert (top["banana"][0], top["pizza"][0]) == ("banana", "pizza")
    assert {top["african_elephant"][0], top["indian_elephant"][0]} <= ELEPHANTS


def test_the_card_tells_where_it_comes_from(imagenet: Run) -> None:
    """Its file, hash and form; of a training it tells nothing, as nothing is known."""
    card = imagenet.card
    assert card.origin is not None
    assert Path(card.origin.file).name == "efficientnet_lite0_imagenet_top.keras"
    assert (card.origin.form, card.origin.trusted, len(card.origin.sha256)) == ("keras", False, 64)
    assert (card.complete, card.data, card.fingerprint, card.input.fit) == (True, {}, "", "crop")
    assert len(card.classes) == len(set(card.classes)) == 1000


def test_a_legacy_file_needs_trust(tmp_path: Path) -> None:
    """Without it the reason is told and nothing written; with it the run answers as the model."""
    import keras

    pixels = keras.Input((4, 4, 3))
    scores = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(pixels))
    model = keras.Model(pixels, scores)
    legacy = tmp_path / "old one.h5"
    model.save(legacy)
    (tmp_path / "names.txt").write_text("a\nb\n")
    wanted = Import(legacy, str(tmp_path / "names.txt"), Adaptation(rescale=0.01))
    with pytest.raises(RunError, match="may hold Python code") as caught:
        import_model(wanted, runs_dir=tmp_path / "runs")
    assert "--trust" in caught.value.hint
    assert not (tmp_path / "runs").exists()

    trusted = Import(legacy, wanted.classes, wanted.adaptation, trust=True)
    run = import_model(trusted, runs_dir=tmp_path / "runs")
    assert run.name == "old_one-1"
    assert run.card.origin is not None
    assert run.card.origin.trusted
    pictures = np.full((1, 4, 4, 3), 200.0, np.float32)
    saved = keras.models.load_model(run.path / "best.keras")
    np.testing.assert_allclose(
        saved.predict_on_batch(pictures), model.predict_on_batch(pictures * 0.01), atol=1e-6
    )
