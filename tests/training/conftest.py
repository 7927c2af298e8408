"""A small experiment with a frozen backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.files import sha256_of
from imgrec.runs.card import BEST_MODEL, ImportOrigin, Input
from tests.conftest import write_bright_and_dark
from tests.runs.cards import small_card

CONFIG = """
name: frozen
data: {{root: {root}, image_size: [32, 32], batch_size: 8, split: {{validation: 0.2}}}}
model:
  backbone: {{run: {backbone}, until: relu_2, trainable: false}}
  layers:
    - GlobalAveragePooling2D
    - Dense: {{units: 8, activation: tanh}}
    - Dropout: {{rate: 0.5}}
training: {{epochs: 3, export: [], optimizer: {{Adam: {{learning_rate: 1e-2}}}}}}
"""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 20 bright and 20 dark images."""
    return write_bright_and_dark(tmp_path_factory.mktemp("images"), 20, 32)


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with random weights, large enough that images make a difference.

    It has batch normalization; frozen, it runs in inference mode.
    """
    import keras

    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 127.5, -1)])
    for number, (filters, strides) in enumerate([(128, 4), (256, 2)], 1):
        network.add(keras.layers.Conv2D(filters, 3, strides, use_bias=False, name=f"conv_{number}"))
        network.add(keras.layers.BatchNormalization(name=f"norm_{number}"))
        network.add(keras.layers.ReLU(name=f"relu_{number}"))
    network.add(keras.layers.GlobalAveragePooling2D())
    network.add(keras.layers.Dense(2, "softmax", name="probabilities"))
    folder = tmp_path_factory.mktemp("backbone")
    network.set_weights([8 * each if each.ndim == 4 else each for each in network.get_weights()])
    network.save(folder / BEST_MODEL)
    small_card(
        folder,
        input=Input(32, 32, 3, "bilinear"),
        hashes={BEST_MODEL: sha256_of(folder / BEST_MODEL)},
        origin=ImportOrigin(BEST_MODEL, "", "keras"),
    )
    return folder


Make = Callable[..., Experiment]


@pytest.fixture(scope="session")
def make(root: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function from overrides to an experiment, whose backbone is frozen."""
    cache = f"data.cache.folder={tmp_path_factory.mktemp('cache')}"

    def made(*overrides: str) -> Experiment:
        caching = [] if "data.cache=none" in overrides else [cache]
        return parse(
            CONFIG.format(root=root, backbone=backbone), "frozen.yaml", [*caching, *overrides]
        )

    return made
