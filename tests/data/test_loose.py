"""Folders are taken as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.data.sources import read_leniently
from imgrec.errors import DataError

Images = Callable[..., Path]


def test_class_folders(images: Images) -> None:
    """A folder of class folders is one split; classes are sorted, and hidden files counted."""
    stock = read_leniently(
        images("dog/1.png", "cat/2.png", "cat/deep/3.png", "cat/.hidden", "dog/1.png.xmp")
    )
    assert list(stock.splits) == ["all"]
    assert stock.classes == ("cat", "dog")
    assert [(record.name, record.label) for record in stock.records] == [
        ("cat/2.png", 0),
        ("cat/deep/3.png", 0),
        ("dog/1.png", 1),
    ]
    assert [each.line for each in stock.findings] == [
        "folders inside class folders, taken as part of the class: 1 (cat/deep: 1 file)",
        "hidden, system and sidecar files, left out: 2 (cat/.hidden, dog/1.png.xmp)",
    ]


def test_split_folders_may_have_other_classes(images: Images) -> None:
    """The classes are those of any split, so that a check can name a split that lacks some."""
    stock = read_leniently(images("test/dog/1.png", "train/cat/2.png", "val/cat/3.png"))
    assert list(stock.splits) == ["train", "validation", "test"]
    assert stock.classes == ("cat", "dog")
    assert [(record.name, record.label) for record in stock.splits["test"]] == [
        ("test/dog/1.png", 1)
    ]


def test_images_without_classes(images: Images) -> None:
    """A folder of images has no labels."""
    stock = read_leniently(images("1.png", "2.png"))
    assert (stock.classes, len(stock.records)) == ((), 2)


def test_split_folders_without_classes(images: Images) -> None:
    """Folders train and test with images alone are splits, not classes."""
    stock = read_leniently(images("train/1.png", "test/1.png"))
    assert list(stock.splits) == ["train", "test"]
    assert stock.classes == ()


def test_files_beside_class_folders_are_found(images: Images) -> None:
    """A file in no class folder is left out, and a finding says so."""
    stock = read_leniently(images("stray.png", "cat/1.png", "dog/1.png"))
    assert len(stock.records) == 2
    assert [each.line for each in stock.findings] == ["images of no class, not used: 1 (stray.png)"]


def test_an_empty_class_folder_stays_a_class(images: Images) -> None:
    """A class without images is not an error here: the check reports it."""
    root = images("cat/1.png")
    (root / "dog").mkdir()
    assert read_leniently(root).classes == ("cat", "dog")


def test_nothing_there(tmp_path: Path) -> None:
    """A folder without files can't be checked."""
    with pytest.raises(DataError, match="no files in"):
        read_leniently(tmp_path)
