"""A classifier that is published once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.workflows.teaching import Classifier
from tests.conftest import without_charts
from tests.teaching.small import taught


@pytest.fixture(scope="session")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    with taught(folder / "pets") as pets, without_charts():
        assert pets.publish().version is not None
    return folder


@pytest.fixture
def pets(_published: Path, tmp_path: Path) -> Iterator[Classifier]:
    """A classifier with six photos of each of two classes, and one version."""
    shutil.copytree(_published, tmp_path, dirs_exist_ok=True)
    with Classifier(tmp_path / "pets", create=False) as found:
        yield found
