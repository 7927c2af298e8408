"""The summary of a folder of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.data.check import FindingKind
from imgrec.errors import DataError
from imgrec.workflows.dataset_summary import summarize_dataset
from tests.workflows.class_folders import fill


def test_class_folders(tmp_path: Path) -> None:
    """Counts are exact, sizes are medians of headers, and both are described in words."""
    found = summarize_dataset(fill(tmp_path / "pets", {"cat": 3, "dog": 1}))
    assert dict(found.counts) == {"cat": 3, "dog": 1}
    assert (found.training_images, found.smallest) == (4, 1)
    assert (found.size, found.side) == ((30, 40), 30)
    assert found.lines == (
        f"{tmp_path / 'pets'}: class folders",
        "4 images in 2 classes",
        "  cat: 3",
        "  dog: 1",
        "median width x height: 40 x 30 pixels (of 4 images)",
    )


def test_split_folders(tmp_path: Path) -> None:
    """Of split folders each part is counted, and of the training part each class."""
    fill(tmp_path / "train", {"cat": 3, "dog": 2})
    fill(tmp_path / "val", {"cat": 1, "dog": 1})
    found = summarize_dataset(tmp_path)
    assert set(found.splits) == {"train", "validation"}
    assert dict(found.counts) == {"cat": 3, "dog": 2}
    assert found.lines[1:4] == (
        "7 images (train 5, validation 2) in 2 classes; training images:",
        "  cat: 3",
        "  dog: 2",
    )


def test_split_folders_without_training(tmp_path: Path) -> None:
    """Split folders need one to train on."""
    fill(tmp_path / "test", {"cat": 1, "dog": 1})
    with pytest.raises(DataError) as caught:
        summarize_dataset(tmp_path)
    assert caught.value.message == f"{tmp_path} has no folder train beside test"


def test_bad_images_are_named(tmp_path: Path) -> None:
    """An image that can't be read is named, is counted with the others, and is in no median."""
    fill(tmp_path, {"cat": 2, "dog": 2})
    (tmp_path / "cat" / "0.png").write_bytes(b"no image")
    found = summarize_dataset(tmp_path)
    assert (len(found.sizes), found.training_images) == (3, 4)
    assert found.lines[4].endswith("pixels (of 3 of 4 training images)")
    (bad,) = found.bad_lines
    assert bad.startswith("not images: 1 (cat/0.png: not an image")


def test_nothing_but_bad_images(tmp_path: Path) -> None:
    """A folder without a readable image is refused."""
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"none of the images in .* can be read, such as .*0\.png"):
        summarize_dataset(tmp_path)


def test_many_classes_are_cut(tmp_path: Path) -> None:
    """Of many classes the first twenty are listed."""
    found = summarize_dataset(
        fill(tmp_path, {f"class{number:02}": 1 for number in range(25)}, (1, 1))
    )
    assert found.lines[22] == "  and 5 more"
    assert sum(line.startswith("  class") for line in found.lines) == 20


def test_many_images_are_sampled(shared: Callable[[str], Path]) -> None:
    """Of thousands of photos about two hundred are looked at, of every class."""
    found = summarize_dataset(shared("data/cats_dogs/train"))
    assert dict(found.counts) == {"cats": 1000, "dogs": 1000}
    assert len(found.sizes) == 200
    assert 300 < found.side < 450


def test_bits_that_are_not_used_are_named(tmp_path: Path) -> None:
    """As by a check: the brightest pixel is looked for in images of more than 8 bits."""
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        pixels = np.full((8, 8), 4095, np.uint16)
        Image.fromarray(pixels).save(tmp_path / name / "dark.png")
    found = {each.kind: each for each in summarize_dataset(tmp_path).findings}
    details = [case.detail for case in found[FindingKind.FEW_BITS].cases]
    assert details == ["12 of 16 bits used"] * 2
