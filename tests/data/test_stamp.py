"""A file's place and stamp show, without reading it, whether it has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.cache.inspection import file_stamp, source_key
from imgrec.data.records import ByteRange


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    """Also where its size and time are kept; reading changes nothing."""
    file = tmp_path / "a"
    file.write_bytes(b"one")
    os.utime(file, ns=(0, 10**18))
    before = file_stamp(file)
    file.read_bytes()
    assert file_stamp(file) == before
    assert before.startswith(f"3 {10**18} ")
    file.write_bytes(b"two")
    os.utime(file, ns=(0, 10**18))
    assert file_stamp(file) != before
    other = tmp_path / "b"
    other.write_bytes(b"two")
    os.utime(other, ns=(0, 10**18))
    assert file_stamp(other) != file_stamp(file)
    file.write_bytes(b"four")
    os.utime(file, ns=(0, 10**18))
    assert file_stamp(file) != before
    file.write_bytes(b"two")
    os.utime(file, ns=(0, 10**18 + 1))
    assert file_stamp(file) != before
    assert file_stamp(ByteRange(file, 0, 1)) == file_stamp(file)


def test_what_is_not_a_file_has_no_stamp(tmp_path: Path) -> None:
    """A missing file and a name that no file can have; pixels can't change."""
    assert file_stamp(tmp_path / "gone") == ""
    assert file_stamp(Path("a\0b")) == ""
    assert file_stamp(np.zeros((2, 2), np.uint8)) == ""


def test_a_place_is_absolute(monkeypatch: pytest.MonkeyPatch, images: Callable[..., Path]) -> None:
    """The same file from another working directory is the same place; stretches differ."""
    root = images("in/a.png")
    monkeypatch.chdir(root / "in")
    assert (
        source_key(Path("a.png"))
        == source_key(Path("../in/a.png"))
        == source_key(root / "in/a.png")
    )
    assert (
        len(
            {
                source_key(ByteRange(root, 0, 1)),
                source_key(ByteRange(root, 1, 1)),
                source_key(ByteRange(root, 0, 2)),
            }
        )
        == 3
    )


def test_the_place_of_pixels_is_what_they_are() -> None:
    """Equal pixels share one, whatever array holds them."""
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    assert source_key(black) == source_key(black.copy()) != source_key(white)
