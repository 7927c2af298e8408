"""The small data sets that Keras fetches and keeps in its own folder."""

from __future__ import annotations

import contextlib
import importlib
import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imgrec.data.classes import NamedLabel, labelled
from imgrec.data.records import Dataset, Record, RecordsBySplit
from imgrec.data.sources.arrays import from_arrays
from imgrec.errors import DataError
from imgrec.text import printable

_KINDS = ("circle", "square", "triangle")
_CORNERS = {"square": 4, "triangle": 3}


def read_shapes(images: int, size: tuple[int, int], seed: int) -> Dataset:
    """Return `images` drawings, uint8 (height, width, 3), the three classes in turns.

    size: (height, width) in pixels. A drawing is a function of the seed, its index and the
    size. All of them are held in memory.
    """
    width = max(5, len(str(images - 1)))
    return labelled(
        NamedLabel(
            f"shapes/{index:0{width}d}",
            (_KINDS[index % len(_KINDS)],),
            _drawn(_KINDS[index % len(_KINDS)], size, np.random.default_rng([seed, index])),
        )
        for index in range(images)
    )


def _drawn(kind: str, size: tuple[int, int], random: np.random.Generator) -> NDArray[np.uint8]:
    height, width = size
    background, colour = _colours(random)
    image = Image.new("RGB", (width, height), background)
    radius = min(size) * random.uniform(0.2, 0.4)
    x, y = (random.uniform(radius, side - radius) for side in (width, height))
    draw = ImageDraw.Draw(image)
    if kind == "circle":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    else:
        turn = random.uniform(0, 2 * math.pi)
        draw.polygon(_corners(x, y, radius, _CORNERS[kind], turn), fill=colour)
    return np.asarray(image)


def _colours(random: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a dark colour and a light one, in either order."""
    dark, light = random.integers(0, 96, 3), random.integers(160, 256, 3)
    pair = (dark, light) if random.random() < 0.5 else (light, dark)
    return tuple(map(int, pair[0])), tuple(map(int, pair[1]))


def _corners(
    x: float, y: float, radius: float, count: int, turn: float
) -> list[tuple[float, float]]:
    angles = [turn + 2 * math.pi * corner / count for corner in range(count)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


_BRIGHTEST = 16


def read_digits() -> Dataset:
    """Return the 1,797 digits, uint8 (8, 8), 0 to 255, named `digits/0000` and so on."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / _BRIGHTEST)).astype(np.uint8)
    records = tuple(
        Record(f"digits/{index:04d}", int(label), image)
        for index, (image, label) in enumerate(zip(pixels, digits.target, strict=True))
    )
    return Dataset(records, tuple(str(digit) for digit in range(10)))


_IN_IDX = ("mnist", "fashion_mnist")
_OWN_FILES = "; or have its files read: --set data.loader=idx --set data.root=FOLDER"

_Arrays = tuple[tuple[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]

CLASSES: Mapping[str, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar10": (
        "airplane", "automobile", "bird", "cat", "deer",
        "dog", "frog", "horse", "ship", "truck",
    ),
    "cifar100": (
        "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
        "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle",
        "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch",
        "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest",
        "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower",
        "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
        "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear",
        "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum",
        "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew",
        "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar",
        "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger",
        "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree",
        "wolf", "woman", "worm",
    ),
}  # fmt: skip
"""The class names of each data set, in the order of its labels."""


def read_keras(name: str) -> RecordsBySplit:
    """Return a data set of `keras.datasets` with its training and test images.

    Keras fetches it on first use; what it says meanwhile goes to stderr.
    Raises DataError where it can't be fetched.
    """
    if name not in CLASSES:
        raise DataError(
            f"Keras has no data set {printable(name)}", hint=f"it has {', '.join(CLASSES)}"
        )
    datasets = importlib.import_module("keras.datasets")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            loaded = getattr(datasets, name).load_data()
    except Exception as error:
        # Keras raises plain Exceptions, which quote the address it asked.
        raise DataError(
            f"Keras can't fetch {name}",
            hint="the machine has to reach the internet once; Keras then keeps it (KERAS_HOME)"
            + (_OWN_FILES if name in _IN_IDX else ""),
        ) from error
    return from_keras(name, loaded)


def from_keras(name: str, loaded: _Arrays) -> RecordsBySplit:
    """Return what Keras loaded, ((x, y), (x_test, y_test)), with the class names of `name`."""
    (x, y), (x_test, y_test) = loaded
    arrays = {
        "x_train": x,
        "y_train": y,
        "x_test": x_test,
        "y_test": y_test,
        "classes": np.array(CLASSES[name]),
    }
    return from_arrays(arrays, name)
