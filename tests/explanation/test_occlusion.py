"""Occlusion finds what the answer depends on, from answers alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.data.images import ImageSpec
from imgrec.explanation.occlusion import occlusion
from imgrec.explanation.values import Area
from imgrec.runtime.exported import FunctionEngine
from tests.explanation.made import SIDE, asked, red_or_blue, spotted

SPOT = Area(20, 4, 28, 12)


def test_the_spot_that_the_answer_depends_on_is_hot() -> None:
    """Covering red costs red; covering black costs nothing."""
    heat = occlusion(asked(), np.asarray(spotted(SPOT), np.uint8), 0)
    assert heat.shape == (SIDE, SIDE)
    assert heat.max() == 1
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 4 <= row < 12
    assert 20 <= column < 28
    assert heat[16:, :16].max() == 0


def test_what_speaks_against_a_class_is_cold() -> None:
    """Covering red costs blue nothing."""
    assert occlusion(asked(), np.asarray(spotted(SPOT), np.uint8), 1).max() == 0


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_certain_answer_gives_a_map_of_numbers(probability: float) -> None:
    """Log-odds of 0 and 1 are finite."""
    size = ImageSpec(8, 8, 1)
    row = np.array([[probability, 1 - probability]], np.float32)
    engine = FunctionEngine(lambda images: row.repeat(len(images), 0), ("a", "b"), size)
    assert np.isfinite(occlusion(engine, np.zeros((8, 8, 1), np.uint8), 0)).all()


@given(height=st.integers(1, 40), width=st.integers(1, 40), patches=st.integers(1, 12))
def test_every_pixel_is_covered(height: int, width: int, patches: int) -> None:
    """Whatever the size and the number of patches, there is a number for each pixel."""
    engine = FunctionEngine(red_or_blue, ("red", "blue", "dark"), ImageSpec(height, width, 3))
    pixels = np.random.default_rng(0).integers(0, 128, (height, width, 3), np.uint8)
    heat = occlusion(engine, pixels, 0, patches)
    assert heat.shape == (height, width)
    assert np.isfinite(heat).all()
    assert heat.min() >= 0
    assert heat.max() <= 1
