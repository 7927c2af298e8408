"""Fixtures that several layers' tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Return a function from a path below IMGREC_TEST_DATA to that path; it skips where it is missing."""
    root = (PROJECT / os.environ.get("IMGREC_TEST_DATA", "../shared")).resolve()

    def find(path: str) -> Path:
        if not (root / path).exists():
            pytest.skip(f"no {path} below IMGREC_TEST_DATA ({root})")
        return root / path

    return find
