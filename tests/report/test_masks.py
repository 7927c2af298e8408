"""Masks are read by other programs as they were written."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from imgrec.report.pictures import mask_array, mask_picture

ANSWERS = np.array([[-1, 0, 1], [1, 1, 0]])


def test_the_values_of_a_mask_are_classes() -> None:
    """0 is unknown, and 1 the first class; each has a colour of its own."""
    picture = Image.open(io.BytesIO(mask_picture(ANSWERS, 2)))
    assert picture.mode == "P"
    np.testing.assert_array_equal(np.asarray(picture), ANSWERS + 1)
    colours = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert len({*map(tuple, colours.tolist())}) == 3


def test_a_class_has_its_colour_in_every_picture() -> None:
    """Whatever else is there; up to 255 classes have different ones."""
    alone = Image.open(io.BytesIO(mask_picture(np.full((1, 1), 1), 2))).convert("RGB")
    among = Image.open(io.BytesIO(mask_picture(ANSWERS, 2))).convert("RGB")
    assert alone.getpixel((0, 0)) == among.getpixel((2, 0))
    many = Image.open(io.BytesIO(mask_picture(np.arange(-1, 255).reshape(16, 16), 255)))
    assert many.mode == "P"
    assert len({*map(tuple, np.asarray(many.convert("RGB")).reshape(-1, 3).tolist())}) > 250


@pytest.mark.parametrize("classes", [256, 1000])
def test_many_classes_need_16_bits(classes: int) -> None:
    """No class is lost."""
    answers = np.arange(-1, classes).reshape(1, -1)
    picture = Image.open(io.BytesIO(mask_picture(answers, classes)))
    np.testing.assert_array_equal(np.asarray(picture), answers + 1)


def test_the_array_has_the_columns() -> None:
    """int32, -1 for unknown, without pickles."""
    found = np.load(io.BytesIO(mask_array(ANSWERS)), allow_pickle=False)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, ANSWERS)
