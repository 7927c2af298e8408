"""The shipped configs, each trained once at its smallest, and a small run, for several tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config.load import parse
from imgrec.data.records import Photo
from imgrec.runs.folder import Run, list_runs
from imgrec.workflows.training import train
from tests.conftest import Once, write_colours
from tests.workflows.photos import PHOTOS
from tests.workflows.smallest import EVERY_PRECISION, FEWER_BITS, FLOAT32, smallest, write_photos


@pytest.fixture(scope="session")
def tiny(once: Once) -> Path:
    """The folders that `write_photos` writes; tests must not change them."""
    return once("tiny", write_photos)


@pytest.fixture(scope="session")
def small_run(tiny: Path, once: Once) -> Callable[[str], Run]:
    """Return a function from a shipped config's name to its run; tests must not change it."""

    @cache
    def trained(name: str) -> Run:
        def train_it(folder: Path) -> None:
            experiment = smallest(name, tiny, [EVERY_PRECISION if name in FEWER_BITS else FLOAT32])
            train(experiment, runs_dir=folder)

        (run,) = list_runs(once(f"small-{name}", train_it))
        return run

    return trained


@pytest.fixture(scope="session")
def photo_run(once: Once) -> Run:
    """A complete run of PHOTOS; tests must not change it."""

    def train_it(folder: Path) -> None:
        photos = write_colours(folder / "photos")
        train(parse(PHOTOS % json.dumps(str(photos)), "photos.yaml"), runs_dir=folder / "runs")

    (run,) = list_runs(once("photo_run", train_it) / "runs")
    return run


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """A colour photo of noise."""
    path = tmp_path / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return Photo("noise.png", path)
