"""Pictures small enough for a page."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from imgrec.report.pictures import thumbnail


@pytest.mark.parametrize(("size", "tiny"), [((8, 6), True), ((64, 64), True), ((192, 100), False)])
def test_a_thumbnail_is_the_picture(size: tuple[int, int], tiny: bool) -> None:  # noqa: FBT001
    """It has the size and, a tiny one exactly, the pixels; only a tiny one shows them."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = thumbnail(pixels)
    head, content = found.uri.split(",")
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert head == "data:image/webp;base64"
    assert (found.height, found.width) == size == image.size[::-1]
    assert found.tiny is tiny
    assert np.array_equal(np.asarray(image), pixels) is tiny


def test_no_thumbnail_is_large() -> None:
    """Noise, which no format makes small, takes less than 40 kB; a page has 36 at most."""
    pixels = np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8)
    assert len(thumbnail(pixels).uri) < 40_000
