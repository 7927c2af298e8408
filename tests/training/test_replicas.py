"""Several devices train what one would: seen on logical CPU devices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import PROJECT
from tests.training.replicas import TRAININGS

Weights = Callable[[str], list[Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of the trainings in replicas.py."""
    folder = tmp_path_factory.mktemp("replicas")
    for names in (["3"], [name for name in TRAININGS if name != "3"]):
        subprocess.run(
            [sys.executable, str(Path(__file__).with_name("replicas.py")), str(folder), *names],
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            check=True,
            timeout=600,
        )
    return folder


@pytest.fixture
def weights(folder: Path) -> Weights:
    """Return a function from the name of a training to the weights that it arrives at."""

    def read(name: str) -> list[Any]:
        with np.load(folder / name / "weights.npz") as weights:
            return [weights[each] for each in weights]

    return read


@pytest.mark.parametrize("devices", ["2", "3"])
def test_several_devices_train_the_weights_of_one(
    devices: str, folder: Path, weights: Weights
) -> None:
    """Equal to 1e-6, though batches of 15 can't be halved and the last one is a single image."""
    assert (folder / devices / "best.keras").is_file()
    for found, expected in zip(weights(devices), weights("1"), strict=True):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("whole", ["2", "2 in float16"])
def test_several_devices_resume_in_the_middle_of_an_epoch(whole: str, weights: Weights) -> None:
    """Stopped after two of four steps and resumed: the same weights, bit for bit."""
    for found, expected in zip(weights(f"{whole} resumed"), weights(whole), strict=True):
        np.testing.assert_array_equal(found, expected)
