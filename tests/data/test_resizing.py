"""The resize of images for a model: rows first, then columns."""

from __future__ import annotations

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images.resizing import Box, resize

INTERPOLATIONS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8))
OLD = int(PIL.__version__.partition(".")[0]) < 13

sizes = st.tuples(st.integers(1, 120), st.integers(1, 120))
interpolations = st.sampled_from(INTERPOLATIONS)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Draw a part of PICTURE of at least one pixel."""
    left, upper = draw(st.floats(0, 69, width=32)), draw(st.floats(0, 89, width=32))
    right, lower = draw(st.floats(left + 1, 70)), draw(st.floats(upper + 1, 90))
    return left, upper, right, lower


@given(size=sizes, interpolation=interpolations, box=boxes())
def test_rows_that_are_not_read_are_left_out(
    size: tuple[int, int], interpolation: str, box: Box
) -> None:
    """The pixels are those of two calls over the whole height."""
    method = Image.Resampling[interpolation.upper()]
    left, upper, right, lower = box
    rows = PICTURE.resize((size[0], 90), method, (left, 0, right, 90))
    expected = rows.resize(size, method, (0, upper, size[0], lower))
    np.testing.assert_array_equal(resize(PICTURE, size, interpolation, box), _pixels(expected))


@pytest.mark.skipif(not OLD, reason="from 13 on, Pillow may begin with the columns")
@given(size=sizes, interpolation=interpolations, box=st.none() | boxes())
def test_the_pixels_are_those_of_a_single_call(
    size: tuple[int, int], interpolation: str, box: Box | None
) -> None:
    """Of the versions of Pillow that always begin with the rows."""
    expected = PICTURE.resize(size, Image.Resampling[interpolation.upper()], box)
    np.testing.assert_array_equal(resize(PICTURE, size, interpolation, box), _pixels(expected))


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image)
