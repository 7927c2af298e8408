"""A model with too many parameters is refused before memory is allocated for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from imgrec.config.load import parse
from imgrec.errors import ConfigError, RunError
from imgrec.models.importing import random_answers
from imgrec.models.keras_files import load_keras, load_model_file
from imgrec.workflows.experiment_sections import build_network
from tests.models.hostile import keras_file, layer, sequential

CONFIG = """
name: large
data: {root: photos, image_size: [64, 64], channels: 3}
model:
  layers:
    - Flatten
    - Dense: {units: 1000000}
"""


def large(units: int, *, built: bool) -> Any:
    """Return the config of a model with a large dense layer; `built` puts its shape into it."""
    dense = layer("Dense", name="wide", units=units)
    return sequential(dense | {"build_config": {"input_shape": [None, 8]}} if built else dense)


@pytest.mark.parametrize("built", [False, True])
def test_a_model_file_has_a_limit(tmp_path: Path, *, built: bool) -> None:
    """The error names the layer and the numbers; the limit can be set."""
    file = keras_file(tmp_path / "m.keras", config=large(10**9, built=built))
    expected = "is refused: the layer wide brings the model to 8,000,000,000 parameters; at most "
    with pytest.raises(RunError, match=f"{re.escape(expected)}1,000,000,000 are allowed"):
        load_model_file(file, trust=False)
    with pytest.raises(RunError, match="at most 7 are allowed") as caught:
        load_model_file(file, trust=False, max_parameters=7)
    assert "--max-parameters" in caught.value.hint


def test_a_layer_that_needs_too_much_memory_is_named_as_such(tmp_path: Path) -> None:
    """It has no parameters, but its output would take 3 TB."""
    layers = [
        layer("InputLayer", batch_shape=[None, 1, 1, 8], dtype="float32", name="pixels"),
        layer("Flatten", name="flat"),
        layer("RepeatVector", name="repeated", n=10**11),
    ]
    config = layer("Sequential", "keras", name="model", layers=layers)
    model = load_model_file(keras_file(tmp_path / "m.keras", config=config), trust=False)
    with pytest.raises(RunError, match="can't be used: it needs more memory than there is"):
        random_answers(model, (1, 1, 8))


def test_the_model_of_a_run_has_about_as_many_as_its_file(tmp_path: Path) -> None:
    """The file has weights for six."""
    file = keras_file(tmp_path / "best.keras", config=large(10**6, built=True))
    with pytest.raises(RunError, match="8,000,000 parameters; at most 1,000,024 are allowed"):
        load_keras(file)


def test_a_config_has_a_limit() -> None:
    """The error names the line of the layer."""
    with pytest.raises(
        ConfigError,
        match=r"line 7: model\.layers\[1\]\.Dense: .*12,288,000,000 parameters; at most",
    ):
        build_network(parse(CONFIG, "large.yaml"), 2)
