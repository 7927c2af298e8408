"""Pixels are the same wherever they are kept."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgrec.data.cache import Pixels, open_pixels
from imgrec.data.cache_config import CacheConfig
from imgrec.data.images import ImageSpec, decode
from imgrec.data.records import ByteRange, Record
from imgrec.errors import BadImage
from imgrec.progress import Silent

SPEC = ImageSpec(6, 5, 3)
Kept = Literal["none"] | CacheConfig


@pytest.fixture(params=["memory", "file", "reused file", "none"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Every way of keeping pixels."""
    if request.param == "none":
        return "none"
    return CacheConfig(folder=str(tmp_path / "cache"), memory=request.param == "memory")


@pytest.fixture
def records(images: Callable[..., Path]) -> list[Record]:
    """Files, a stretch of a file and arrays, not in the order of their names; some are bad."""
    root = images("z.png", "b.png", "c.png")
    packed = (root / "c.png").read_bytes()
    (root / "pack").write_bytes(b"..." + packed)
    (root / "bad.png").write_bytes(b"text")
    return [
        Record("z.png", 0, root / "z.png"),
        Record("bad.png", 0, root / "bad.png"),
        Record("packed", 0, ByteRange(root / "pack", 3, len(packed))),
        Record("gone.png", 0, root / "gone.png"),
        Record("b.png", 0, root / "b.png"),
        Record("array", 0, np.arange(48, dtype=np.uint8).reshape(4, 4, 3)),
    ]


def _open(records: list[Record], cache: Kept, spec: ImageSpec = SPEC) -> Pixels:
    return open_pixels(records, spec, cache, Silent())[0]


def test_pixels_are_those_of_the_decoder(
    request: pytest.FixtureRequest, records: list[Record], cache: Kept
) -> None:
    """Rows are the readable records in their order; what can't be read is named and counted."""
    if "reused file" in request.node.name:
        _open(records, cache)
    pixels, inspection = open_pixels(records, SPEC, cache, Silent())
    readable = [record for record in records if record.name not in {"bad.png", "gone.png"}]
    assert pixels.shape == (6, 5, 3)
    expected = np.stack([decode(record.source, SPEC) for record in readable])
    np.testing.assert_array_equal(pixels.take(range(len(readable))), expected)
    np.testing.assert_array_equal(pixels.take([2, 0, 2]), expected[[2, 0, 2]])
    assert [skipped.name for skipped in inspection.bad] == ["bad.png", "gone.png"]
    assert inspection.bad[1].reason == "no such file"
    assert set(inspection.identities) == {record.name for record in records} - {"gone.png"}


def test_what_is_taken_is_a_copy(records: list[Record], cache: Kept) -> None:
    """Whoever changes it changes nothing for others."""
    pixels = _open(records, cache)
    taken = pixels.take([0, 1])
    before = taken.copy()
    taken[:] = 77
    np.testing.assert_array_equal(pixels.take([0, 1]), before)
    assert taken.dtype == np.uint8


def test_several_threads_may_take(records: list[Record], cache: Kept) -> None:
    """Each gets its own images."""
    pixels = _open(records, cache)
    expected = pixels.take(range(4))
    with ThreadPoolExecutor(8) as pool:
        for row, taken in enumerate(pool.map(lambda row: pixels.take([row % 4]), range(64))):
            np.testing.assert_array_equal(taken[0], expected[row % 4])


def test_no_image_at_all_is_allowed(tmp_path: Path, cache: Kept) -> None:
    """Every one is bad, or there is none."""
    gone = [Record("gone", 0, tmp_path / "gone")]
    for records in (gone, gone, []):
        pixels, inspection = open_pixels(records, SPEC, cache, Silent())
        assert len(inspection.bad) == len(records)
        assert pixels.take([]).shape == (0, 6, 5, 3)


@given(sound=st.lists(st.booleans(), max_size=12), data=st.data())
def test_counts_add_up_for_any_mixture(
    tmp_path_factory: pytest.TempPathFactory, sound: list[bool], data: st.DataObject
) -> None:
    """Rows and bad images together are all images, whatever the order of their names."""
    folder = str(tmp_path_factory.mktemp("cache"))
    names = data.draw(st.permutations([f"{number:02d}" for number in range(len(sound))]))
    records = [
        Record(name, 0, np.full((2, 2) if good else (2,), number, np.uint8))
        for number, (name, good) in enumerate(zip(names, sound, strict=True))
    ]
    for cache in (CacheConfig(), CacheConfig(memory=False, folder=folder), "none"):
        pixels, inspection = open_pixels(records, SPEC, cache, Silent())
        numbers = [number for number, good in enumerate(sound) if good]
        assert pixels.take(range(len(numbers)))[:, 0, 0, 0].tolist() == numbers
        assert len(numbers) + len(inspection.bad) == len(records)


def test_the_choice_is_reported(
    tmp_path: Path, records: list[Record], caplog: pytest.LogCaptureFixture
) -> None:
    """One line says where the images are, how many, how large, and whether they were there."""
    caplog.set_level(logging.INFO, "imgrec")
    file = CacheConfig(folder=str(tmp_path / "cache"), memory=False)
    for cache in (CacheConfig(), file, file, "none"):
        _open(records, cache)
    lines = [re.sub(r"in .*/\w+\.pixels", "in FILE", message) for message in caplog.messages]
    assert lines == [
        "images: 4 of 6 kept in memory (1 kB)",
        "images: 4 of 6 kept in FILE (1 kB, new)",
        "images: 4 of 6 kept in FILE (1 kB, reused)",
        "images: decoded again in each epoch (data.cache: none)",
    ]


def test_memory_is_for_what_fits_in_it(tmp_path: Path) -> None:
    """What would take more than there is goes to a file, or says that there is no room."""
    huge = ImageSpec(65_535, 65_535, 3)
    records = [Record(str(n), 0, tmp_path / "gone.png") for n in range(400)]
    cache = CacheConfig(folder=str(tmp_path / "cache"), limit="1MB")
    pixels, inspection = open_pixels(records, huge, cache, Silent())  # 5 TB
    assert pixels.shape == (65_535, 65_535, 3)
    assert len(inspection.bad) == len(records)


def test_data_above_the_limit_is_streamed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The reason is logged, nothing is written, and nothing of other data is removed."""
    folder = tmp_path / "cache"
    small = [Record("a", 0, np.zeros((4, 4), np.uint8))]
    _open(small, CacheConfig(folder=str(folder), memory=False))
    files = sorted(folder.glob("*.pixels"))
    pixels = _open(
        small, CacheConfig(folder=str(folder), memory=False, limit="1MB"), ImageSpec(1000, 1000, 3)
    )
    assert pixels.take([0]).shape == (1, 1000, 1000, 3)
    assert "data.cache.limit is 1,000,000" in caplog.text
    assert "decoded again in each epoch" in caplog.text
    assert sorted(folder.glob("*.pixels")) == files


def test_a_folder_that_can_not_be_used_is_not_needed(
    tmp_path: Path, records: list[Record], caplog: pytest.LogCaptureFixture
) -> None:
    """The images are decoded at each epoch, and a warning says so."""
    (tmp_path / "file").write_text("")
    pixels = _open(records, CacheConfig(folder=str(tmp_path / "file"), memory=False))
    assert len(pixels.take(range(4))) == 4
    assert "decoded again in each epoch: no cache in" in caplog.text


@pytest.mark.parametrize("broken", ["vanished", "changed", "no image any more"])
def test_a_file_that_changes_while_streamed_is_named(
    images: Callable[..., Path], broken: str
) -> None:
    """Neither its new content nor anything else is put in its place."""
    file = images("a.png") / "a.png"
    pixels = _open([Record("a.png", 0, file)], "none")
    assert pixels.take([0]).shape == (1, 6, 5, 3)
    if broken == "vanished":
        file.unlink()
    elif broken == "changed":
        Image.new("RGB", (3, 2), "white").save(file)
        os.utime(file, ns=(0, 1))
    else:
        file.write_bytes(b"text")
    with pytest.raises(BadImage, match=r"^a\.png: "):
        pixels.take([0])


_STREAM = """
import pathlib, sys
from imgrec.data.images.decoder import ImageSpec
from imgrec.data.cache.pixels import open_pixels
from imgrec.data.records import Record
from imgrec.progress import Silent
from tools.peak_memory import peak_memory
file = pathlib.Path(sys.argv[1])
records = [Record(str(number), 0, file) for number in range(int(sys.argv[2]))]
pixels, inspection = open_pixels(records, ImageSpec(160, 160, 3), "none", Silent())
for start in range(0, len(records), 20):
    assert pixels.take(range(start, start + 20)).shape == (20, 160, 160, 3)
print(peak_memory())
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured on Linux alone")
def test_streaming_takes_the_same_memory_for_ten_times_the_images(tmp_path: Path) -> None:
    """1,800 images of 77 kB more would be 138 MB."""
    file = tmp_path / "a.png"
    Image.new("RGB", (20, 20), "red").save(file)
    peaks = []
    for count in ("200", "2000"):
        command = [sys.executable, "-c", _STREAM, str(file), count]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1_024_000)
    assert peaks[1] - peaks[0] < 15


def test_streaming_holds_a_part_of_the_pixels(tmp_path: Path) -> None:
    """A batch and what the threads decode beside it, never a quarter of all that was decoded."""
    Image.new("RGB", (128, 128), "red").save(tmp_path / "one.png")
    image = 128 * 128 * 3
    records = [Record(f"{number}.png", 0, tmp_path / "one.png") for number in range(512)]
    tracemalloc.start()
    try:
        pixels = _open(records, "none", ImageSpec(128, 128, 3))
        for start in range(0, len(records), 16):
            pixels.take(range(start, start + 16))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 16 * image < peak < len(records) * image / 4
