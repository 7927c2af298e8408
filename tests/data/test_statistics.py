"""Statistics of images: NumPy's numbers, in one pass, whatever the order and the batches."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.workflows.statistics import measure_statistics


def _images(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@given(
    images=st.integers(1, 9),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    channels=st.sampled_from([1, 3]),
    batch=st.integers(1, 10),
    seed=st.integers(0, 99),
)
def test_the_numbers_are_numpys(
    images: int, height: int, width: int, channels: int, batch: int, seed: int
) -> None:
    """Mean and standard deviation per channel, and the mean image, of any batches."""
    pixels = _images((images, height, width, channels), seed)
    found = measure_statistics(pixels[start : start + batch] for start in range(0, images, batch))
    np.testing.assert_allclose(found.statistics.mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(
        found.statistics.std, pixels.std(axis=(0, 1, 2)), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(found.mean_image, pixels.mean(axis=0), rtol=1e-12)


def test_order_and_batches_make_no_difference_at_all() -> None:
    """The floats are the same to the last bit, so that a second measuring finds them again."""
    pixels = _images((50, 5, 4, 3))
    first = measure_statistics([pixels])
    shuffled = np.random.default_rng(1).permutation(pixels)
    second = measure_statistics(np.split(shuffled, [1, 20, 33]))
    assert second.statistics == first.statistics
    np.testing.assert_array_equal(second.mean_image, first.mean_image)


def test_a_channel_of_one_value_has_a_standard_deviation_of_zero() -> None:
    """No rounding makes a spread out of nothing."""
    pixels = np.full((1000, 3, 3, 1), 203, np.uint8)
    assert measure_statistics([pixels]).statistics.std == (0.0,)


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    """A batch at a time is held, and one sum per pixel."""

    def peak(batches: int) -> int:
        def stream() -> Iterator[NDArray[np.uint8]]:
            for _ in range(batches):
                yield np.zeros((8, 32, 32, 3), np.uint8)

        tracemalloc.start()
        measure_statistics(stream())
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)
    assert peak(100) < 1.2 * peak(4)


def test_no_images_have_no_statistics() -> None:
    """An empty stream is refused."""
    with pytest.raises(ValueError, match="no image"):
        measure_statistics([])
