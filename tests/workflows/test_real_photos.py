"""The shipped configs learn what they promise, on real images at full size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgrec.config.load import load
from imgrec.data.images import ImageSpec, decode
from imgrec.runs.folder import Run
from imgrec.workflows.evaluation import evaluate
from imgrec.workflows.training import train
from tests.workflows.predicting import predict

pytestmark = pytest.mark.slow

Shared = Callable[[str], Path]


def _cats_and_dogs(shared: Shared) -> list[str]:
    photos = shared("data/cats_dogs")
    return [f"data.{split}={json.dumps(str(photos / split))}" for split in ("train", "validation")]


def _assert_predicts_like_keras(run: Run, photos: list[Path]) -> None:
    """The saved file, opened by Keras and fed with the same pixels, says the same."""
    import keras

    model = keras.models.load_model(run.path / "best.keras")
    pixels = np.stack([decode(photo, ImageSpec(150, 150, 3)) for photo in photos])
    dog = model.predict(pixels.astype(np.float32), verbose=0)[:, 0]
    predicted = predict([str(photo) for photo in photos], model=run)
    found = [dict(prediction.top)["dogs"] for prediction in predicted]
    np.testing.assert_allclose(found, dog, rtol=1e-6, atol=1e-7)


def test_cat_dog_learns_from_scratch(shared: Shared, tmp_path: Path) -> None:
    """In 8 epochs its best model is right on more than 60 % of 400 photos, and stays it."""
    overrides = [*_cats_and_dogs(shared), "training.epochs=8"]
    result = train(load("cat_dog", overrides), runs_dir=tmp_path)
    assert result.assessment.split == "validation"
    assert result.evaluation.metrics["accuracy"].value > 0.6
    assert (
        evaluate(result.run).evaluation.metrics["accuracy"] == result.evaluation.metrics["accuracy"]
    )
    photos = sorted(shared("data/cats_dogs/validation").glob("*/*"))[::20]
    _assert_predicts_like_keras(result.run, photos)


def test_vgg16_transfer_knows_cats_from_dogs(shared: Shared, tmp_path: Path) -> None:
    """In 3 epochs the head on the frozen backbone is right on at least 95 % of 400 photos."""
    weights = shared("weights/vgg16_imagenet_notop.h5")
    overrides = [*_cats_and_dogs(shared), f"model.backbone.weights={json.dumps(str(weights))}"]
    result = train(load("vgg16_transfer", overrides), runs_dir=tmp_path)
    assert result.run.card.epochs <= 3
    assert result.evaluation.metrics["accuracy"].value >= 0.95


def test_small_cnn_reads_digits(tmp_path: Path) -> None:
    """As shipped it reads at least 97 % of the digits kept for the test."""
    result = train(load("small_cnn"), runs_dir=tmp_path)
    assert result.assessment.split == "test"
    assert result.evaluation.metrics["accuracy"].value >= 0.97
