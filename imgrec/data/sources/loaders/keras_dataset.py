"""The small data sets that Keras fetches and keeps in its own folder."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from imgrec.data.loader import Loader
from imgrec.data.records import RecordsBySplit
from imgrec.errors import DataError
from imgrec.interface import setting
from imgrec.sections.section import Section
from imgrec.stderr import stdout_to_stderr
from imgrec.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IN_IDX = ("mnist", "fashion_mnist")

_Arrays: TypeAlias = "tuple[tuple[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]"

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
    Raises DataError if it can't be fetched.
    """
    if name not in CLASSES:
        raise DataError(
            f"Keras has no data set {printable(name)}", hint=f"it has {', '.join(CLASSES)}"
        )
    datasets = importlib.import_module("keras.datasets")
    try:
        with stdout_to_stderr():
            loaded = getattr(datasets, name).load_data()
    except Exception as error:
        # Keras raises plain Exceptions, which quote the address it asked.
        raise DataError(
            f"Keras can't fetch {name}",
            hint="the machine has to reach the internet once; Keras then keeps it (KERAS_HOME)"
            + (_own_files() if name in _IN_IDX else ""),
        ) from error
    return from_keras(name, loaded)


def _own_files() -> str:
    loader, root = setting("data.loader", "idx"), setting("data.root", "FOLDER")
    return f"; or have its files read: {loader} and {root}"


def from_keras(name: str, loaded: _Arrays) -> RecordsBySplit:
    """Return what Keras loaded, ((x, y), (x_test, y_test)), with the class names of `name`."""
    import numpy as np

    from imgrec.data.sources.arrays import from_arrays

    (x, y), (x_test, y_test) = loaded
    arrays = {
        "x_train": x,
        "y_train": y,
        "x_test": x_test,
        "y_test": y_test,
        "classes": np.array(CLASSES[name]),
    }
    return from_arrays(arrays, name)


LOADER = Loader(
    "keras",
    f"a data set that Keras fetches: {', '.join(CLASSES)}",
    Section,
    lambda request: read_keras(request.path),
    datasets=tuple(CLASSES),
    uses_tensorflow=True,
)
