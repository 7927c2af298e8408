"""Arrays in files of the cache: whole or not there."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.cache import NoRoom, open_array

ROWS = np.arange(24, dtype=np.float32).reshape(6, 4)
LIMIT = 10**6
# Of the form that the cache gives.
NAME = f"{0:032x}.features"


def _open(
    path: Path, rows: NDArray[np.generic] = ROWS, limit: int = LIMIT
) -> tuple[NDArray[np.generic], bool]:
    """Return `rows` from the file, written in two parts, and whether it was there."""
    return open_array(path, rows.shape, rows.dtype.str, limit, lambda: [rows[:4], rows[4:]])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of ROWS."""
    path = tmp_path / NAME
    _open(path)
    return path


def test_what_was_written_is_read(file: Path) -> None:
    """In one array, which NumPy itself can read too."""
    found, reused = _open(file)
    assert reused
    np.testing.assert_array_equal(found, ROWS)
    np.testing.assert_array_equal(np.load(file), ROWS)


def test_brain_floats_are_read(tmp_path: Path) -> None:
    """NumPy's header has no name for them; they are found again, and not written for ever."""
    dtype, path = "bfloat16", tmp_path / NAME
    rows = ROWS.astype(ml_dtypes.bfloat16)
    for there in (False, True):
        found, reused = open_array(path, rows.shape, dtype, LIMIT, lambda: [rows])
        assert (found.dtype, reused) == (rows.dtype, there)
        np.testing.assert_array_equal(found, rows)


@pytest.mark.parametrize("rows", [np.zeros((6, 5), np.float32), ROWS.astype(np.float16)])
def test_another_array_is_written_again(file: Path, rows: NDArray[np.generic]) -> None:
    """A file that holds another shape or type is replaced."""
    found, reused = _open(file, rows)
    assert not reused
    np.testing.assert_array_equal(found, rows)


@pytest.mark.parametrize("length", [0, 5, 60, 200])
def test_a_damaged_file_is_written_again(file: Path, length: int) -> None:
    """Wherever it was cut."""
    file.write_bytes(file.read_bytes()[:length])
    found, reused = _open(file)
    assert not reused
    np.testing.assert_array_equal(found, ROWS)


def test_an_array_above_the_limit_is_refused(tmp_path: Path) -> None:
    """Nothing is written, and nothing else removed for it."""
    with pytest.raises(NoRoom, match=r"data\.cache\.limit is 50"):
        _open(tmp_path / NAME, limit=50)
    assert not (tmp_path / NAME).exists()
