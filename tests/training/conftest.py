"""A small experiment with a frozen backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from tests.conftest import write_bright_and_dark

# MobileNet has batch normalization; frozen, it runs in inference mode.
CONFIG = """
name: frozen
data: {{root: {root}, image_size: [32, 32], batch_size: 8, split: {{validation: 0.2}}}}
model:
  backbone: {{name: MobileNet, weights: {weights}, trainable: false}}
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
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights large enough that images make a difference."""
    import keras

    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3))
    network.set_weights([8 * each if each.ndim == 4 else each for each in network.get_weights()])
    path = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    network.save_weights(path)
    return path


Make = Callable[..., Experiment]


@pytest.fixture(scope="session")
def make(root: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function from overrides to an experiment, whose backbone is frozen."""
    cache = f"data.cache.folder={tmp_path_factory.mktemp('cache')}"

    def made(*overrides: str) -> Experiment:
        caching = [] if "data.cache=none" in overrides else [cache]
        return parse(
            CONFIG.format(root=root, weights=weights), "frozen.yaml", [*caching, *overrides]
        )

    return made
