"""The shipped configs made small: few noisy photos, random weights, one step, narrow layers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config.experiment import Experiment
from imgrec.config.load import load
from imgrec.errors import ConfigError
from imgrec.models.build import build
from imgrec.workflows.statistics import unmeasured

ONE_STEP = ["training.epochs=1", "training.steps_per_epoch=1", "training.validation_steps=1"]
EVERY_PRECISION = "training.export=[float32, float16, int8]"
# Which folder stands for each place that a config may name.
FOLDERS = {"root": "train", "train": "train", "validation": "validation", "test": "validation"}
SIDES = 32, 48, 64, 96, 128
WIDTH = 128


def write_photos(root: Path) -> None:
    """Write the folders train and validation, with 8 noisy photos of each of two classes.

    They are of all degrees of brightness, so that even random weights tell them apart.
    """
    random = np.random.default_rng(0)
    for split in ("train", "validation"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(8):
                pixels = random.integers(0, 32 * (number + 1), (30, 40, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.jpg")


def places(name: str, folders: Path) -> list[str]:
    """Return the overrides that put `folders` where the config looks for its images."""
    data = load(name).data
    loader = ["data.loader=folder"] if data.loader == "keras" else []
    return loader + [
        f"data.{key}={json.dumps(str(folders / split))}"
        for key, split in FOLDERS.items()
        if getattr(data, key) is not None
    ]


def random_weights(name: str) -> list[str]:
    """Return the overrides that take the weights away that the config starts from."""
    model = load(name).model
    there = {"model.weights": model.weights, "model.backbone.weights": model.backbone}
    return [f"{place}=null" for place, value in there.items() if value is not None]


def smallest(name: str, folders: Path, overrides: list[str]) -> Experiment:
    """Return the config with the smallest images that its network takes, and few units a layer."""
    overrides = [*_short(name), *places(name, folders), *random_weights(name), *overrides]
    for smaller in _smaller(name):
        try:
            experiment = load(name, [*overrides, *smaller])
            build(experiment, 2, weights=False, statistics=unmeasured(experiment))
        except ConfigError:
            continue
        return load(name, [*overrides, *smaller, *_narrower(name)])
    pytest.fail(f"{name} does not build at its own size")


def _short(name: str) -> list[str]:
    """The overrides for one step; the digits, which are many and small, for one epoch."""
    if load(name).data.loader == "digits":
        return ["training.epochs=1"]
    return [*ONE_STEP, "data.batch_size=4"]


def _smaller(name: str) -> Iterator[list[str]]:
    """The overrides for ever larger images, the config's own size last."""
    own = min(load(name).data.image_size)
    yield from ([f"data.image_size=[{side}, {side}]"] for side in SIDES if side < own)
    yield []


def _narrower(name: str) -> list[str]:
    return [
        f"model.layers[{index}].{type(layer).__name__}.{count}={WIDTH}"
        for index, layer in enumerate(load(name).model.layers)
        for count in ("filters", "units")
        if getattr(layer, count, 0) > WIDTH
    ]
