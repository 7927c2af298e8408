"""Tests of Keras' own data sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.sources.loaders.keras_dataset import CLASSES, from_keras, read_keras
from imgrec.errors import DataError

FETCH = """
import sys
from imgrec.data.sources.loaders.keras_dataset import read_keras
from imgrec.errors import DataError
try:
    parts = read_keras("fashion_mnist")
except DataError as error:
    sys.exit(error.message)
sizes = {part: len(dataset.records) for part, dataset in parts.items()}
print(sizes, parts["train"].classes[-1])
"""


@pytest.mark.parametrize(("name", "count"), [(name, len(CLASSES[name])) for name in CLASSES])
def test_classes_have_their_names(name: str, count: int) -> None:
    """Labels as Keras has them, a column for CIFAR, become names in the same order."""
    labels = np.arange(count, dtype=np.uint8)
    shaped = labels[:, None] if name.startswith("cifar") else labels
    images = np.zeros((count, 4, 4, 3), np.uint8)
    parts = from_keras(name, ((images, shaped), (images[:2], shaped[:2])))
    assert parts["train"].classes == CLASSES[name]
    assert [record.label for record in parts["train"].records] == labels.tolist()
    assert parts["test"].classes == CLASSES[name][:2]


def test_there_are_as_many_classes_as_there_should_be() -> None:
    """No name is missing or stands twice."""
    assert [len(set(names)) for names in CLASSES.values()] == [10, 10, 10, 100]
    assert list(CLASSES["cifar100"]) == sorted(CLASSES["cifar100"])


def test_another_name_is_refused_before_keras_is_loaded() -> None:
    """The names there are stand in the hint."""
    with pytest.raises(DataError, match="no data set imagenet") as caught:
        read_keras("imagenet")
    assert "cifar100" in caught.value.hint


@pytest.mark.slow
def test_keras_fetches_and_says_nothing_on_stdout(tmp_path: Path) -> None:
    """Stdout holds the result alone; where there is no way to the internet, one sentence does."""
    done = subprocess.run(
        [sys.executable, "-c", FETCH],
        env={**os.environ, "KERAS_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        assert (done.stdout, done.stderr.splitlines()[-1]) == (
            "",
            "Keras can't fetch fashion_mnist",
        )
        pytest.skip("no way to Keras' data sets")
    assert done.stdout == "{'train': 60000, 'test': 10000} Ankle boot\n"
