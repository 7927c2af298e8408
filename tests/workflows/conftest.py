"""The shipped configs, each trained once at its smallest, for several tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from imgrec.data.records import Photo
from imgrec.runs.folder import Run, list_runs
from imgrec.workflows.training import train
from tests.workflows.smallest import DEEP, EVERY_PRECISION, FLOAT32, smallest, write_photos


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders that `write_photos` writes; tests must not change them."""
    root = tmp_path_factory.mktemp("tiny")
    write_photos(root)
    return root


@pytest.fixture(scope="session")
def small_run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return a function from a shipped config's name to its run; tests must not change it."""
    folder = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder; they share the one above, and what was trained.
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    @cache
    def trained(name: str) -> Run:
        runs = shared / f"small-{name}"
        with FileLock(f"{runs}.lock"):
            if not runs.exists():
                experiment = smallest(name, tiny, [FLOAT32 if name in DEEP else EVERY_PRECISION])
                train(experiment, runs_dir=runs)
        (run,) = list_runs(runs)
        return run

    return trained


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """A colour photo of noise."""
    path = tmp_path / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return Photo("noise.png", path)
