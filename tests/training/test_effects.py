"""Blur and erased rectangles."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgrec.config.augmentation import AREA, Rectangle, blur, draw_rectangle, erase


def test_blur_spreads_a_dot_and_keeps_channels_apart() -> None:
    """The light stays the same in sum; a channel gets nothing of another."""
    image = np.zeros((21, 21, 3), np.float32)
    image[10, 10, 0] = 255
    found = blur(image, 1.5)
    assert found.dtype == np.float32
    assert 0 < found[10, 10, 0] < 30
    np.testing.assert_allclose(found[..., 0].sum(), 255, rtol=1e-3)
    assert not found[..., 1:].any()


def test_blur_darkens_no_edge() -> None:
    """A plain image stays as it is: beyond its edge it goes on."""
    np.testing.assert_allclose(blur(np.full((9, 7, 1), 200, np.float32), 3), 200, rtol=1e-6)


@given(st.integers(8, 300), st.integers(8, 300), st.integers(0, 2**32 - 1))
def test_a_rectangle_lies_inside_and_has_the_usual_area(height: int, width: int, seed: int) -> None:
    """2 to 20 % of the image, but for rounding to whole pixels."""
    found = draw_rectangle((height, width), np.random.default_rng(seed))
    if found is None:  # a narrow image may have room for none of those that were tried
        assert max(height, width) > 3 * min(height, width)
        return
    assert 0 <= found.top <= found.top + found.height <= height
    assert 0 <= found.left <= found.left + found.width <= width
    slack = (found.height + found.width + 1) / 2
    area = found.height * found.width
    assert AREA[0] * height * width - slack <= area <= AREA[1] * height * width + slack


def test_a_pixel_has_no_room_for_a_rectangle() -> None:
    """Nothing is erased then."""
    assert draw_rectangle((1, 1), np.random.default_rng(0)) is None


def test_noise_stands_in_the_rectangle_alone() -> None:
    """Its seed makes it the same every time; the image given stays as it was."""
    image = np.full((20, 30, 3), 128, np.float32)
    found = erase(image, Rectangle(top=2, left=5, height=8, width=10, seed=3))
    np.testing.assert_array_equal(found, erase(image, Rectangle(2, 5, 8, 10, seed=3)))
    assert (image == 128).all()
    changed = (found != 128).any(axis=2)
    assert changed[2:10, 5:15].mean() > 0.9
    assert changed.sum() == changed[2:10, 5:15].sum()
    assert found.min() >= 0
    assert found.max() <= 255
