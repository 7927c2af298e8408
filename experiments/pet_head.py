"""Make a small classifier of cats and dogs, for `imgrec import` and experiments.explanations.

python -m experiments.pet_head OUT.keras [--seed 0]

A softmax over the features that an EfficientNet-Lite0 learned on ImageNet's 1,000 classes, trained
on the 2,000 photos of cats_dogs/train; those of cats_dogs/validation are left for measuring. The
photos and weights are looked for below IMGREC_TEST_DATA (default ../shared).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode
from imgrec.models.backend import start
from tools.photos import DATA, LITE0, PETS

EPOCHS = 20
BATCH = 50


def main(arguments: list[str]) -> None:
    """Train the head and save the whole model."""
    parser = argparse.ArgumentParser(description="Train a head for cats and dogs.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    start("cpu")
    import keras

    keras.utils.set_random_seed(options.seed)
    network = keras.models.load_model(LITE0, compile=False)
    pooled = keras.Model(network.input, network.get_layer("avg_pool").output)
    paths = sorted((DATA / "cats_dogs/train").glob("*/*.jpg"))
    truth = np.array([PETS.index(path.parent.name) for path in paths])
    head = keras.layers.Dense(len(PETS), activation="softmax", name="probabilities")
    _train(head, _features(pooled, paths), truth)
    keras.Model(pooled.input, head(pooled.output)).save(options.out)


def _features(network: Any, paths: Sequence[Path]) -> NDArray[np.float32]:
    """Return the features of the photos, float32 (photos, features)."""
    spec, found = ImageSpec(*network.input_shape[1:]), []
    for at in range(0, len(paths), BATCH):
        pixels = [decode(path, spec) for path in paths[at : at + BATCH]]
        found.append(network.predict_on_batch(np.stack(pixels)))
    return np.concatenate(found)


def _train(head: Any, features: NDArray[np.float32], truth: NDArray[np.int64]) -> None:
    import keras

    entering = keras.Input(features.shape[1:])
    model = keras.Model(entering, head(entering))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(features, truth, epochs=EPOCHS, verbose=0)
    found = model.evaluate(features, truth, verbose=0, return_dict=True)
    print(f"{found['accuracy']:.1%} of its {len(truth)} training photos")


if __name__ == "__main__":
    main(sys.argv[1:])
