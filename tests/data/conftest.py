"""Fixtures of the tests of images and their labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def images(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes small pictures at paths below a root, and returns the root."""

    def write(*paths: str) -> Path:
        for place, path in enumerate(paths):
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (3, 2), (place, 0, 0)).save(file, "PNG")
        return tmp_path

    return write
