"""Tests of MNIST's files."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgrec.config.data import Data
from imgrec.data.sources import read
from imgrec.data.sources.loaders.idx import read_idx
from imgrec.errors import DataError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 3, 2), np.uint8)
CLASSES = np.arange(20, dtype=np.uint8) % 2 * 7


def idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Return what an idx file with `array` holds."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write(file: Path, content: bytes) -> Path:
    """Write `content` to `file`, gzipped where it is called so; return it."""
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return file


def pair(folder: Path, part: str = "train", dot: str = "-", suffix: str = "") -> Path:
    """Write images and labels; return the file of images."""
    write(folder / f"{part}-labels{dot}idx1-ubyte{suffix}", idx(CLASSES))
    return write(folder / f"{part}-images{dot}idx3-ubyte{suffix}", idx(PIXELS))


def refusal(path: Path) -> DataError:
    """Return the error that the files at `path` give."""
    with pytest.raises(DataError) as caught:
        read_idx(path)
    return caught.value


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_of_images_is_read_with_its_labels(tmp_path: Path, dot: str, suffix: str) -> None:
    """Gzipped or not, under either of the usual names; classes are the numbers that occur."""
    dataset = read_idx(pair(tmp_path, "train", dot, suffix))["all"]
    assert dataset.classes == ("0", "7")
    assert [record.label for record in dataset.records] == [0, 1] * 10
    assert np.array_equal([np.asarray(record.source) for record in dataset.records], PIXELS)


def test_gzip_is_detected_by_content(tmp_path: Path) -> None:
    """Browsers unpack files and keep their name."""
    images = pair(tmp_path, suffix=".gz")
    images.write_bytes(gzip.decompress(images.read_bytes()))
    assert len(read_idx(images)["all"].records) == 20
    (tmp_path / f"{LABELS}.gz").rename(tmp_path / LABELS)
    assert len(read_idx(images)["all"].records) == 20


def test_a_folder_of_the_four_names_has_two_parts(tmp_path: Path) -> None:
    """t10k is the test; validation comes out of the training images."""
    pair(tmp_path, "train", suffix=".gz")
    pair(tmp_path, "t10k")
    splits = read(Data(root=str(tmp_path), image_size=(3, 2), channels=1), 0)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (16, 4, 20)
    assert splits.classes == ("0", "7")
    assert splits.test[3].name == "test/00003"


def test_two_files_for_one_part_are_refused(tmp_path: Path) -> None:
    """Which of them is meant is not guessed."""
    pair(tmp_path)
    pair(tmp_path, suffix=".gz")
    assert f"holds both {IMAGES} and {IMAGES}.gz" in refusal(tmp_path).message


def test_labels_that_are_missing_are_named(tmp_path: Path) -> None:
    """The hint says what they should be called."""
    images = pair(tmp_path)
    (tmp_path / LABELS).unlink()
    error = refusal(images)
    assert error.message == f"no labels beside {images}"
    assert f"{LABELS} or {LABELS}.gz" in error.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing, not with 00000803"),
        (idx(CLASSES), "begins with 00000801, not with 00000803"),
        (b"\0\0\x0d\x03" + idx(PIXELS)[4:], "begins with 00000d03"),
        (idx(PIXELS)[:9], "not an idx file of unsigned bytes in 3 dimensions"),
        (idx(PIXELS)[:-1], "120 bytes should follow the header, and there are only 119"),
        (idx(PIXELS) + b"x", "120 bytes should follow the header, and there are more"),
        (idx(PIXELS[:0]), "there are none"),
        (idx(PIXELS[:5]), "5 images, but 20 labels"),
        (b"\x1f\x8b and so on", "can't be read"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_damaged_files_are_refused(
    tmp_path: Path, content: bytes, message: str, suffix: str
) -> None:
    """Another kind of file, a cut one and one with an impossible header, gzipped or not."""
    images = write(pair(tmp_path, suffix=suffix), content)
    if suffix and content.startswith(b"\x1f\x8b"):
        images.write_bytes(content)
    error = refusal(images)
    assert message in error.message
    assert str(images) in error.message


@pytest.mark.parametrize(
    ("suffix", "message"),
    [("", "bytes should follow the header, and there are only 0"), (".gz", "would expand from ")],
)
def test_a_header_that_claims_too_much_is_refused(
    tmp_path: Path, suffix: str, message: str
) -> None:
    """Before any memory is taken for it."""
    images = write(pair(tmp_path, suffix=suffix), b"\0\0\x08\x03" + b"\xff" * 12)
    assert message in refusal(images).message


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    """A download that broke off is not a shorter data set."""
    images = pair(tmp_path, suffix=".gz")
    images.write_bytes(images.read_bytes()[:-20])
    assert f"{images} can't be read" in refusal(images).message


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file, and a folder without such files."""
    assert refusal(tmp_path / IMAGES).message.endswith("can't be read: no such file or directory")
    assert refusal(tmp_path).message == f"no idx files in {tmp_path}"


def test_the_real_test_images_are_read(shared: Callable[[str], Path], tmp_path: Path) -> None:
    """MNIST's 10,000 test images, of which the first is a 7."""
    for file in shared("data/mnist").glob("t10k*"):
        shutil.copy(file, tmp_path)
    dataset = read_idx(tmp_path)["test"]
    assert dataset.classes == tuple("0123456789")
    assert len(dataset.records) == 10_000
    assert [record.label for record in dataset.records[:5]] == [7, 2, 1, 0, 4]
    assert np.asarray(dataset.records[0].source).shape == (28, 28)


def test_what_is_beside_the_files_is_found(tmp_path: Path) -> None:
    """Other files and folders in the folder are not read."""
    pair(tmp_path)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "more").mkdir()
    assert [each.line for each in read_idx(tmp_path)["train"].findings] == [
        "folders that are not used: 1 (more: 0 files)",
        "files beside the images, not used: 1 (notes.txt)",
    ]
