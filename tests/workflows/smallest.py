"""The shipped configs made small: few noisy photos, random weights, one step, narrow layers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config import shipped
from imgrec.config.experiment import Experiment
from imgrec.config.load import dump, load, parse
from imgrec.errors import ConfigError
from imgrec.models.backbone import preprocess
from imgrec.workflows.data_argument import data_argument
from imgrec.workflows.experiment_sections import build_network
from imgrec.workflows.pack import pack
from imgrec.workflows.statistics import without_measuring
from tools.pasted import pasted_photos

ONE_STEP = ["training.epochs=1", "training.steps_per_epoch=1", "training.validation_steps=1"]
EVERY_PRECISION = "training.export=[float32, float16, int8]"
FLOAT32 = "training.export=[float32]"
# Of the others, files of fewer bits are made by the slow tests.
FEWER_BITS = ("cat_dog",)
# Random weights in so many layers amplify small differences, and their graphs take half a minute
# and more to be compiled and converted.
DEEP = ("efficientnet_transfer", "mobilenet_transfer", "nasnet_tfrecord")
# Its backbone is that of `bird_plus`, and files of its size take seconds to write and to read.
SLOW = (*DEEP, "vgg16_transfer")
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in shipped.names()
]
# Which folder stands for each place that a config may name.
FOLDERS = {"root": "train", "train": "train", "validation": "validation", "test": "validation"}
SIDES = 32, 48, 64, 96, 128
# In smaller images of noise some of its channels hardly vary, and their normalization makes much
# of the last bits.
LEAST = {"efficientnet_transfer": 64}
WIDTH = 128
MAX_MEGAPIXELS = 50  # not the default, which a run might have for another reason


def write_photos(root: Path) -> None:
    """Write the folders train and validation, with 8 noisy photos of each of two classes.

    They are of all degrees of brightness, so that even random weights distinguish them. In `street`
    they are pasted together, and packed for the config whose images have several labels.
    """
    random = np.random.default_rng(0)
    for split in ("train", "validation"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(8):
                pixels = random.integers(0, 32 * (number + 1), (30, 40, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.jpg")
    photos = sorted((root / "train").glob("*/*.jpg"))
    kinds = {"person": photos[:8], "car": photos[4:12], "dog": photos[8:]}
    overrides = [f"data.root={json.dumps(str(pasted_photos(root / 'pasted', kinds, 32)))}"]
    overrides.append("data.split={validation: 0.5}")
    pack(data_argument("nasnet_tfrecord", overrides), root / "street", shards=2)


def places(name: str, folders: Path) -> list[str]:
    """Return the overrides that put `folders` where the config looks for its images."""
    data = load(name).data
    if data.multi_label:
        return [f"data.root={json.dumps(str(folders / 'street'))}"]
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


def lively_weights(backbone: str, shape: tuple[int, int, int], file: Path) -> None:
    """Write random weights for a backbone whose batch normalization fits `write_photos`' pictures.

    What is random alone lets nothing of a picture through so many layers, or, of a picture darker
    than those it fits, makes much of the last bits.
    """
    import keras

    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, backbone)(
        include_top=False, weights=None, input_shape=shape
    )
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the mean and variance become those of the next batch
    random, brightest = np.random.default_rng(0), (32 * (number % 8 + 1) for number in range(16))
    noise = np.stack([random.integers(0, most, shape) for most in brightest]).astype(np.float32)
    network(preprocess(backbone, noise), training=True)
    network.save_weights(file)


def smallest(name: str, folders: Path, overrides: list[str]) -> Experiment:
    """Return the config with the smallest images that its network takes, and few units a layer."""
    overrides = [f"data.max_megapixels={MAX_MEGAPIXELS}", *overrides]
    overrides = [*_short(name), *places(name, folders), *random_weights(name), *overrides]
    for smaller in _smaller(name):
        try:
            experiment = load(name, [*overrides, *smaller])
            build_network(
                experiment, 2, weights=False, statistics=without_measuring(experiment.data.channels)
            )
        except ConfigError:
            continue
        return _lively(load(name, [*overrides, *smaller, *_narrower(name)]), folders)
    pytest.fail(f"{name} does not build at its own size")


def _lively(experiment: Experiment, folder: Path) -> Experiment:
    """Return the experiment with random weights for its backbone that distinguish pictures."""
    backbone = experiment.model.backbone
    if backbone is None or experiment.name not in DEEP:
        return experiment
    file = folder / f"{experiment.name}.weights.h5"
    lively_weights(
        str(backbone.name), (*experiment.data.image_size, experiment.data.channels), file
    )
    override = f"model.backbone.weights={json.dumps(str(file))}"
    return parse(dump(experiment), experiment.name, [override])


def _short(name: str) -> list[str]:
    """The overrides for one step; for the digits, which are small, ten."""
    if load(name).data.loader == "digits":
        return ["training.epochs=1", "training.steps_per_epoch=10"]
    training, overrides = load(name).training, [*ONE_STEP, "data.batch_size=4"]
    if training.fine_tune is not None:
        overrides.append("training.fine_tune.epochs=1")
    if name == "bird":  # a step makes it too sure, and a temperature needs ten images
        overrides.append("data.split.validation=0.65")
    if training.optimizer.arguments().get("use_ema"):  # a step hardly moves the average
        overrides.append("training.optimizer={Adam: {learning_rate: 1.0e-2}}")
    return overrides


def _smaller(name: str) -> Iterator[list[str]]:
    """The overrides for ever larger images, the config's own size last."""
    own, least = min(load(name).data.image_size), LEAST.get(name, 0)
    sides = (side for side in SIDES if least <= side < own)
    yield from ([f"data.image_size=[{side}, {side}]"] for side in sides)
    yield []


def _narrower(name: str) -> list[str]:
    return [
        f"model.layers[{index}].{type(layer).__name__}.{count}={WIDTH}"
        for index, layer in enumerate(load(name).model.layers)
        for count in ("filters", "units")
        if getattr(layer, count, 0) > WIDTH
    ]
