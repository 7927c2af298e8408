"""Several devices train what one would: seen on logical CPU devices."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.forks import Forks
from tests.training.replicas import TRAININGS

Folder = Callable[[str], Path]

SLOW = ("3", "2 in bfloat16", "2 in bfloat16 resumed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Folder:
    """Return a function from the name of a training in replicas.py to its folder.

    Those of the tests that are not slow are trained by one process.
    """
    base = tmp_path_factory.mktemp("replicas")

    def trained(name: str) -> Path:
        if not (base / name).is_dir():
            names = [name] if name in SLOW else [each for each in TRAININGS if each not in SLOW]
            module = "tests.training.replicas"
            process = forks.run(base, os.environ, "-m", module, str(base), *names)
            _, stderr = process.communicate(timeout=600)
            assert process.wait() == 0, stderr
        return base / name

    return trained


def weights(folder: Path) -> list[Any]:
    """Return the weights that a training arrives at."""
    with np.load(folder / "weights.npz") as found:
        return [found[each] for each in found]


@pytest.mark.parametrize("devices", ["2", pytest.param("3", marks=pytest.mark.slow)])
def test_several_devices_train_the_weights_of_one(devices: str, folder: Folder) -> None:
    """Equal to 1e-6, though batches of 15 can't be halved and the last one is a single image."""
    assert (folder(devices) / "best.keras").is_file()
    for found, expected in zip(weights(folder(devices)), weights(folder("1")), strict=True):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "whole", ["2", "2 in float16", pytest.param("2 in bfloat16", marks=pytest.mark.slow)]
)
def test_several_devices_resume_in_the_middle_of_an_epoch(whole: str, folder: Folder) -> None:
    """Stopped after two of four steps and resumed: the same weights, bit for bit."""
    found, expected = weights(folder(f"{whole} resumed")), weights(folder(whole))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
