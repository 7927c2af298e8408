"""Handwritten digits that come with scikit-learn: real data without a download."""

from __future__ import annotations

import numpy as np

from imgrec.data.records import Dataset, Record

_BRIGHTEST = 16


def read_digits() -> Dataset:
    """Return the 1,797 digits, uint8 (8, 8), 0 to 255, named `digits/0000` and so on."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / _BRIGHTEST)).astype(np.uint8)
    records = tuple(
        Record(f"digits/{index:04d}", int(label), image)
        for index, (image, label) in enumerate(zip(pixels, digits.target, strict=True))
    )
    return Dataset(records, tuple(str(digit) for digit in range(10)))
