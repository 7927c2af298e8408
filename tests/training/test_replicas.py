"""Several devices train what one would: seen on logical CPU devices, each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import PROJECT


def _weights(
    folder: Path, devices: int, stop_after: int = 0, precision: str = "float32"
) -> list[Any]:
    """Return the weights that so many devices arrive at; `best.keras` is left in `folder`.

    stop_after: a training that is stopped after so many steps, and resumed.
    """
    script = Path(__file__).with_name("replicas.py")
    subprocess.run(
        [sys.executable, str(script), str(folder), str(devices), str(stop_after), precision],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        check=True,
        timeout=300,
    )
    with np.load(folder / "weights.npz") as weights:
        return [weights[name] for name in weights]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The weights that one device arrives at."""
    return _weights(tmp_path_factory.mktemp("replicas") / "one", 1)


@pytest.mark.parametrize("devices", [2, 3])
def test_several_devices_train_the_weights_of_one(
    devices: int, one: list[Any], tmp_path: Path
) -> None:
    """Equal to 1e-6, though batches of 15 can't be halved and the last one is a single image."""
    several = _weights(tmp_path / "run", devices)
    assert (tmp_path / "run" / "best.keras").is_file()
    for found, expected in zip(several, one, strict=True):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_several_devices_resume_in_the_middle_of_an_epoch(tmp_path: Path, precision: str) -> None:
    """Stopped after two of four steps and resumed: the same weights, bit for bit."""
    whole, resumed = (_weights(tmp_path / str(steps), 2, steps, precision) for steps in (0, 2))
    for found, expected in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(found, expected)
