"""A service that the tests of a module share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.runs.folder import Run
from tests.serve.running import Running


@pytest.fixture(scope="session", autouse=True)
def _no_port() -> Iterator[None]:
    """Let no variable of the environment choose a port."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("AIP_"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def service(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with the model `digits`, whose run is tiny-1, and an ensemble of one run twice."""
    folder: Path = tmp_path_factory.mktemp("service")
    with Running([f"digits={trained.path}"], folder) as running:
        yield running
