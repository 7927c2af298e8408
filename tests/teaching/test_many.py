"""A service with many photos in many classes works in little memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import needs_weights
from tools.teach_many import figures

PHOTOS = int(os.environ.get("IMGREC_MANY_PHOTOS", "200"))
MEGABYTES = 600


@needs_weights
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read from /proc")
def test_many_photos(tmp_path: Path) -> None:
    """They are uploaded, measured, published, and some deleted, in 600 MB of all processes."""
    found = list(figures(tmp_path, PHOTOS))
    assert len(found) == 5
    assert found[-1][-1] <= MEGABYTES
