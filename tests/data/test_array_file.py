"""Arrays in files of the cache: whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imgrec.data.cache import read_array, size_of, write_array

ROWS = np.arange(24, dtype=np.float32).reshape(6, 4)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of ROWS, written in two parts."""
    path = tmp_path / "rows.features"
    with path.open("wb") as opened:
        write_array(opened, ROWS.shape, "float32", [ROWS[:4], ROWS[4:]])
    return path


def test_what_was_written_is_read(file: Path) -> None:
    """In one array, which NumPy itself can read too, within the size told before."""
    found = read_array(file, ROWS.shape, "float32")
    assert found is not None
    np.testing.assert_array_equal(found, ROWS)
    np.testing.assert_array_equal(np.frombuffer(file.read_bytes()[-ROWS.nbytes :], "f4"), ROWS.flat)
    assert ROWS.nbytes < file.stat().st_size <= size_of(ROWS.shape, "float32")


@pytest.mark.parametrize(("shape", "dtype"), [((6, 5), "float32"), ((6, 4), "float16")])
def test_another_array_is_none(file: Path, shape: tuple[int, ...], dtype: str) -> None:
    """A file that holds something else has to be written anew."""
    assert read_array(file, shape, dtype) is None


@pytest.mark.parametrize("length", [0, 5, 60, 200])
def test_a_damaged_file_is_none(file: Path, length: int) -> None:
    """Wherever it was cut."""
    file.write_bytes(file.read_bytes()[:length])
    assert read_array(file, ROWS.shape, "float32") is None


def test_no_file_is_none(tmp_path: Path) -> None:
    """Nothing was written yet."""
    assert read_array(tmp_path / "none", (1,), "float32") is None
