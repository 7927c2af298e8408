"""Every shipped config loads, builds, trains a step and predicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.config import shipped
from imgrec.config.load import load
from imgrec.runs.folder import Run
from imgrec.workflows.predict import predict
from imgrec.workflows.run_files import run_config
from imgrec.workflows.train import train
from tests.workflows.smallest import NAMES, ONE_STEP, places, random_weights

VGG16_WEIGHTS = "weights/vgg16_imagenet_notop.h5"


def _assert_predicts(run: Run, photos: list[Path]) -> None:
    assert run.card.complete
    tuned = run_config(run.path).training.fine_tune
    assert run.card.epochs == 1 + (tuned.epochs if tuned else 0)
    names = [str(photo) for photo in photos]
    found = predict(names, model=run, top=len(run.card.classes))
    assert [prediction.name for prediction in found.predictions] == names
    for prediction in found.predictions:
        probabilities = dict(prediction.top)
        assert set(probabilities) == set(run.card.classes)
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_small(name: str, tiny: Path, small_run: Callable[[str], Run]) -> None:
    """On small images, from random weights: a run that answers for two photos."""
    _assert_predicts(small_run(name), sorted((tiny / "validation").glob("*/0.jpg")))


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped.names())
def test_full(name: str, shared: Callable[[str], Path], tmp_path: Path) -> None:
    """As it is shipped, on photos of cats and dogs where it wants a folder."""
    photos = shared("data/cats_dogs")
    overrides = [*ONE_STEP, *places(name, photos)]
    if name.startswith("vgg16"):
        weights = json.dumps(str(shared(VGG16_WEIGHTS)))
        overrides += [each.replace("null", weights) for each in random_weights(name)]
    else:  # the weights of others would have to be fetched
        overrides += random_weights(name)
    if load(name).training.feature_views is not None:  # of 2,000 photos, for a single step
        overrides.append("training.feature_views=null")
    some = sorted((photos / "validation").glob("*/*"))[::100]
    _assert_predicts(train(load(name, overrides), runs_dir=tmp_path).run, some)
