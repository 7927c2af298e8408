"""The shipped configs, each trained once at its smallest, for several tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from imgrec.runs.folder import Run
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

    @cache
    def trained(name: str) -> Run:
        experiment = smallest(name, tiny, [FLOAT32 if name in DEEP else EVERY_PRECISION])
        return train(experiment, runs_dir=tmp_path_factory.mktemp("small")).run

    return trained
