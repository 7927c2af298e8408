"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

from imgrec.data.loader import Loader
from imgrec.data.records import ALL_SPLITS, Dataset, Record
from imgrec.sections.section import Section

_BRIGHTEST = 16


def read_digits() -> Dataset:
    """Return the 1,797 digits, uint8 (8, 8), 0 to 255, named `digits/0000` and so on."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / _BRIGHTEST)).astype(np.uint8)
    records = tuple(
        Record(f"digits/{index:04d}", int(label), image)
        for index, (image, label) in enumerate(zip(pixels, digits.target, strict=True))
    )
    return Dataset(records, tuple(str(digit) for digit in range(10)))


LOADER = Loader(
    "digits",
    "the 1,797 handwritten digits that come with scikit-learn, 8x8 grey",
    Section,
    lambda _: {ALL_SPLITS: read_digits()},
    datasets=(),
)
