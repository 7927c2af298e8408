"""A cache file is read only when it is whole, and is not removed while in use."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.cache.inspection import ImageVerdict
from imgrec.data.cache.pixel_file import CacheContent, read, write_index
from imgrec.data.cache_files import CacheEntry, CacheWriter, hold, obtain, remove_unused
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
    path = tmp_path / f"{'a' * 32}.pixels"
    assert not _obtained(path)[1]
    return path


def _obtained(path: Path, shape: tuple[int, int, int] = SHAPE) -> tuple[CacheContent, bool]:
    """Return the content of the file, written if it has none, and whether it was there."""
    return obtain(CacheEntry(path, 1000, 10**6), lambda file, size: read(file, size, shape), _write)


def _write(file: CacheWriter) -> None:
    file.write(IMAGES.tobytes())
    write_index(file, STAMPS, VERDICTS)


def test_what_was_written_is_read(file: Path) -> None:
    """Pixels, stamps and verdicts, whatever is in the texts."""
    found, reused = _obtained(file)
    assert reused
    np.testing.assert_array_equal(found.images, IMAGES)
    assert (found.stamps, found.verdicts) == (STAMPS, VERDICTS)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff" * 8, b"[" * 100_000 + (100_000).to_bytes(8, "big")]
)
def test_the_content_of_another_file_is_not_read(tmp_path: Path, content: bytes) -> None:
    """No index, one that does not fit the file, and one that is nested deeply."""
    file = tmp_path / "a"
    file.write_bytes(content)
    with file.open("rb") as opened, pytest.raises(ValueError, match=r".+"):
        read(opened, len(content), SHAPE)


def test_images_of_another_shape_are_not_read(file: Path) -> None:
    """Their number is not that of the index then."""
    size = file.stat().st_size
    with file.open("rb") as opened, pytest.raises(ValueError, match="not the content"):
        read(opened, size, (2, 3, 3))


@pytest.mark.parametrize("place", [0, 11, 12, 100, -20, -9, -1])
@pytest.mark.parametrize("cut", [False, True], ids=["changed", "cut"])
def test_a_changed_file_is_written_again(
    file: Path, caplog: pytest.LogCaptureFixture, place: int, *, cut: bool
) -> None:
    """Wherever it was changed or cut off; one warning says so."""
    whole = file.read_bytes()
    place %= len(whole)
    changed = b"" if cut else bytes([whole[place] ^ 1]) + whole[place + 1 :]
    file.write_bytes(whole[:place] + changed)
    found, reused = _obtained(file)
    assert not reused
    np.testing.assert_array_equal(found.images, IMAGES)
    assert file.read_bytes() == whole
    assert [record.getMessage() for record in caplog.records] == [
        f"{file} was damaged, or changed by somebody else: it is written again"
    ]


def test_a_mapped_file_is_in_use_until_its_pixels_are_gone(file: Path) -> None:
    """A view of the pixels is enough to keep it."""
    found, _ = _obtained(file)
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
