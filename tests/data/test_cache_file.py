"""A cache file is read only when it is whole, and is not removed while in use."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.data.cache.folder import hold, remove_unused
from imgrec.data.cache.inspection import ImageVerdict
from imgrec.data.cache.pixel_file import CacheContent, read, write_index
from imgrec.data.images import Traits

SHAPE = (2, 3, 1)
IMAGES = np.arange(12, dtype=np.uint8).reshape(2, *SHAPE)
STAMPS = ("3 1", "", "4 2")
VERDICTS = (
    ImageVerdict("aa"),
    ImageVerdict("", "\udcff: no such file"),
    ImageVerdict("bb", "", Traits("PNG", "L", 3, 2, rotated=True)),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of two sound images and a bad one."""
    return _written(tmp_path / "a.pixels")


def _written(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(1000)
        file.write(IMAGES.tobytes())
        write_index(file, STAMPS, VERDICTS)
    return path


def _read(path: Path, shape: tuple[int, int, int] = SHAPE) -> CacheContent | None:
    """Return the content of a file in use, None if it is not complete."""
    try:
        with path.open("rb") as file:
            hold(file)
            return read(file, shape)
    except (ValueError, TypeError):
        return None


def test_what_was_written_is_read(file: Path) -> None:
    """Pixels, stamps and verdicts, whatever is in the texts."""
    found = _read(file)
    assert isinstance(found, CacheContent)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert (found.stamps, found.verdicts) == (STAMPS, VERDICTS)


def test_images_of_another_shape_are_not_read(file: Path) -> None:
    """Their number is not that of the index then."""
    assert _read(file, (2, 3, 3)) is None


@given(cut=st.integers(0, 200))
def test_what_is_not_whole_is_not_read(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Wherever the file was cut off."""
    file = _written(tmp_path_factory.mktemp("cache") / "a.pixels")
    whole = file.read_bytes()
    file.write_bytes(whole[: min(cut, len(whole) - 1)])
    assert _read(file) is None


@given(st.binary(max_size=64))
def test_other_bytes_are_not_a_cache_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Also where they end as a cache file does."""
    file = tmp_path_factory.mktemp("cache") / "a.pixels"
    for end in (b"", b"imgrec-1", (len(content)).to_bytes(8, "big") + b"imgrec-1"):
        file.write_bytes(content + end)
        assert _read(file) is None or content.strip() == b"[]"


def test_a_mapped_file_is_in_use_until_its_pixels_are_gone(file: Path) -> None:
    """A view of the pixels is enough to keep it."""
    found = _read(file)
    assert found is not None
    view = found.images[:1]
    del found
    gc.collect()
    assert not remove_unused(file)
    assert file.exists()
    del view
    gc.collect()
    assert remove_unused(file)
    assert not file.exists()


def test_a_file_being_written_is_in_use(tmp_path: Path) -> None:
    """Until it is closed; what is gone already counts as removed."""
    path = tmp_path / "a.partial"
    with path.open("wb") as file:
        hold(file)
        assert not remove_unused(path)
    assert remove_unused(path)
    assert remove_unused(path)
