"""Tests of the digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from imgrec.data.images import ImageSpec, decode
from imgrec.data.sources.loaders.digits import read_digits


def test_digits_are_1797_grey_pictures_of_ten_classes() -> None:
    """Names, classes, shape and the whole range of grey are as documented."""
    digits = read_digits()
    assert digits.classes == tuple("0123456789")
    assert [record.name for record in digits.records[:2]] == ["digits/0000", "digits/0001"]
    assert [record.label for record in digits.records[:3]] == [0, 1, 2]
    pixels = np.stack([np.asarray(record.source) for record in digits.records])
    assert (pixels.shape, pixels.dtype) == ((1797, 8, 8), np.dtype(np.uint8))
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_digits_take_the_way_of_every_image() -> None:
    """The decoder takes a digit like a file."""
    record = read_digits().records[0]
    assert decode(record.source, ImageSpec(8, 8, 1)).shape == (8, 8, 1)
