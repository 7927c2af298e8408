"""Every shipped config loads, builds, trains a step and predicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config import shipped
from imgrec.config.experiment import Experiment
from imgrec.config.load import load
from imgrec.errors import ConfigError
from imgrec.models.build import build
from imgrec.workflows.predict import predict
from imgrec.workflows.statistics import unmeasured
from imgrec.workflows.train import train

ONE_STEP = ["training.epochs=1", "training.steps_per_epoch=1", "training.validation_steps=1"]
# Which folder stands for each place that a config may name.
FOLDERS = {"root": "train", "train": "train", "validation": "validation", "test": "validation"}
SMALL = 32, 48, 64, 96, 128
VGG16_WEIGHTS = "weights/vgg16_imagenet_notop.h5"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders train and validation, with 8 noisy photos of each of two classes."""
    root = tmp_path_factory.mktemp("tiny")
    random = np.random.default_rng(0)
    for split in ("train", "validation"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(8):
                pixels = random.integers(0, 256, (30, 40, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.jpg")
    return root


def _places(name: str, folders: Path) -> list[str]:
    """The overrides that put `folders` where the config looks for its images."""
    data = load(name).data
    loader = ["data.loader=folder"] if data.loader == "keras" else []
    return loader + [
        f"data.{key}={json.dumps(str(folders / split))}"
        for key, split in FOLDERS.items()
        if getattr(data, key) is not None
    ]


def _random_weights(name: str) -> list[str]:
    """The overrides that take the weights away that the config starts from."""
    model = load(name).model
    places = {"model.weights": model.weights, "model.backbone.weights": model.backbone}
    return [f"{place}=null" for place, there in places.items() if there is not None]


def _smaller(name: str) -> Iterator[list[str]]:
    """The overrides for ever larger images, the config's own size last."""
    own = min(load(name).data.image_size)
    yield from ([f"data.image_size=[{side}, {side}]"] for side in SMALL if side < own)
    yield []


def _smallest(name: str, overrides: list[str]) -> Experiment:
    """The config with the smallest images that its network takes."""
    for smaller in _smaller(name):
        try:
            experiment = load(name, [*overrides, *smaller])
            build(experiment, 2, weights=False, statistics=unmeasured(experiment))
        except ConfigError:
            continue
        return experiment
    pytest.fail(f"{name} does not build at its own size")


def _trains_and_predicts(experiment: Experiment, photos: list[Path], runs_dir: Path) -> None:
    result = train(experiment, runs_dir=runs_dir)
    assert result.run.card.complete
    assert result.run.card.epochs == 1
    names = [str(photo) for photo in photos]
    found = predict(names, model=result.run, top=len(result.run.card.classes))
    assert [prediction.name for prediction in found.predictions] == names
    for prediction in found.predictions:
        probabilities = dict(prediction.top)
        assert set(probabilities) == set(result.run.card.classes)
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", shipped.names())
def test_small(name: str, tiny: Path, tmp_path: Path) -> None:
    """On small images, from random weights: a run that answers for two photos."""
    overrides = [*ONE_STEP, *_places(name, tiny), "data.batch_size=4"]
    overrides += _random_weights(name)
    photos = sorted((tiny / "validation").glob("*/0.jpg"))
    _trains_and_predicts(_smallest(name, overrides), photos, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped.names())
def test_full(name: str, shared: Callable[[str], Path], tmp_path: Path) -> None:
    """As it is shipped, on photos of cats and dogs where it wants a folder."""
    photos = shared("data/cats_dogs")
    overrides = [*ONE_STEP, *_places(name, photos)]
    if name.startswith("vgg16"):
        weights = json.dumps(str(shared(VGG16_WEIGHTS)))
        overrides += [each.replace("null", weights) for each in _random_weights(name)]
    else:  # the weights of others would have to be fetched
        overrides += _random_weights(name)
    some = sorted((photos / "validation").glob("*/*"))[::100]
    _trains_and_predicts(load(name, overrides), some, tmp_path)
