"""Tests of reading section `data` of a config."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgrec.config.data import Data
from imgrec.data.records import Record, Splits
from imgrec.data.sources import SplitConfig, read, read_other
from imgrec.errors import DataError

Images = Callable[..., Path]


def data(**values: Any) -> Data:
    """Return a section `data`."""
    return Data(image_size=(4, 4), **values)


def names(records: tuple[Record, ...]) -> list[str]:
    """Return the records' names."""
    return [record.name for record in records]


def sizes(splits: Splits) -> tuple[int, int, int]:
    """Return how many images each part has."""
    return len(splits.train), len(splits.validation), len(splits.test)


def ten_each(prefix: str = "") -> list[str]:
    """Return the paths of ten cats and ten dogs."""
    return [f"{prefix}{name}/{index}.png" for name in ("cat", "dog") for index in range(10)]


def test_class_folders_are_split_as_asked(images: Images) -> None:
    """A root of class folders is divided by the seed; names are paths below the root."""
    root = images(*ten_each())
    section = data(root=str(root), split=SplitConfig(validation=0.2, test=0.1))
    splits = read(section, 7)
    assert sizes(splits) == (14, 4, 2)
    assert splits == read(section, 7)
    assert splits != read(section, 8)
    assert names(splits.train)[0].startswith("cat/")


def test_without_a_word_a_fifth_is_for_validation_and_said(
    images: Images, caplog: pytest.LogCaptureFixture
) -> None:
    """The default split is named in the log."""
    root = images(*ten_each())
    with caplog.at_level(logging.INFO, "imgrec"):
        assert sizes(read(data(root=str(root)), 0)) == (16, 4, 0)
    assert "20 %" in caplog.text


def test_split_folders_are_taken_as_they_are(images: Images) -> None:
    """train, val and test below the root are the parts; names say which."""
    root = images(
        "train/cat/a.png", "train/dog/a.png", "val/cat/a.png", "test/dog/.x", "test/dog/b"
    )
    splits = read(data(root=str(root)), 0)
    assert names(splits.train) == ["train/cat/a.png", "train/dog/a.png"]
    assert names(splits.validation) == ["validation/cat/a.png"]
    assert names(splits.test) == ["test/dog/b"]
    assert splits.test[0].label == 1
    assert [(each.kind.key, each.count) for each in splits.findings] == [("hidden", 1)]


def test_folders_named_apart(images: Images) -> None:
    """data.train, data.validation and data.test each name a folder of class folders."""
    root = images("t/cat/a.png", "t/dog/a.png", "t/b.png", "v/dog/a.png", "v/b.png", "e/cat/a.png")
    section = data(train=str(root / "t"), validation=str(root / "v"), test=str(root / "e"))
    splits = read(section, 0)
    assert sizes(splits) == (2, 1, 1)
    assert splits.validation[0].label == 1
    assert splits.validation[0].source == root / "v/dog/a.png"
    assert [each.line for each in splits.findings] == [
        "images of no class, not used: 2 (train/b.png, validation/b.png)"
    ]


def test_names_are_unique_across_parts(images: Images) -> None:
    """The same relative path in two parts is two images."""
    root = images("t/cat/a.png", "t/dog/a.png", "v/cat/a.png")
    splits = read(data(train=str(root / "t"), validation=str(root / "v")), 0)
    everything = names(splits.train + splits.validation)
    assert len(set(everything)) == 3


def test_a_training_folder_alone_is_split_like_a_root(images: Images) -> None:
    """It makes no difference whether root or train names the class folders."""
    root = images(*ten_each())
    assert read(data(train=str(root)), 3) == read(data(root=str(root)), 3)


def test_validation_is_split_off_training_where_only_a_test_folder_stands(images: Images) -> None:
    """A test folder stays whole; validation comes out of the training images."""
    root = images(*ten_each("train/"), "test/cat/a.png")
    splits = read(data(root=str(root)), 0)
    assert sizes(splits) == (16, 4, 1)
    asked = read(data(root=str(root), split=SplitConfig(validation=0.5)), 0)
    assert sizes(asked) == (10, 10, 1)


def test_splitting_off_what_has_a_folder_is_refused(images: Images) -> None:
    """Which of the two is meant is not guessed."""
    root = images(*ten_each("train/"), "test/cat/a.png")
    with pytest.raises(DataError, match="the data already has test images"):
        read(data(root=str(root), split=SplitConfig(test=0.5)), 0)


def test_a_class_that_training_lacks_is_refused(images: Images) -> None:
    """A validation folder may lack classes, but not have others."""
    root = images("train/cat/a.png", "train/dog/a.png", "val/dogs/a.png")
    with pytest.raises(DataError, match="unknown class dogs in the validation images") as caught:
        read(data(root=str(root)), 0)
    assert caught.value.hint == "dogs is similar to dog"


def test_split_folders_without_class_folders_are_refused(images: Images) -> None:
    """Train and val are never taken for two classes."""
    root = images("train/a.png", "val/a.png")
    with pytest.raises(DataError, match=r"no class folders in .*train, .*val"):
        read(data(root=str(root)), 0)


def test_split_folders_without_training_are_refused(images: Images) -> None:
    """There is nothing to learn from."""
    root = images("val/cat/a.png", "test/cat/a.png")
    with pytest.raises(DataError, match="has no training images, only validation and test"):
        read(data(root=str(root)), 0)


def test_folders_beside_the_splits_are_found(images: Images) -> None:
    """Another folder beside train and val is left out, but not in silence."""
    root = images("train/cat/a.png", "train/dog/a.png", "val/cat/a.png", "extra/a.png")
    findings = read(data(root=str(root)), 0).findings
    assert [each.line for each in findings] == ["folders that are not used: 1 (extra: 1 file)"]


def test_the_digits_are_split_as_asked() -> None:
    """The embedded data set takes the same way."""
    splits = read(data(loader="digits", split=SplitConfig(validation=0.1, test=0.2)), 0)
    assert sum(sizes(splits)) == 1797
    assert len(splits.classes) == 10
    assert abs(len(splits.test) - 359) <= 10


def test_real_folders_are_read(shared: Callable[[str], Path]) -> None:
    """2,000 photos in two classes are found, all of them."""
    root = shared("data/cats_dogs")
    assert sizes(read(data(root=str(root)), 0)) == (2000, 400, 0)


def test_other_images_take_the_loader_of_their_path(images: Images) -> None:
    """Folders may be read where the data were arrays or the digits."""
    root = images(*ten_each())
    for section in (data(loader="digits"), data(root="x.csv", multi_label=True, separator=";")):
        assert len(read_other(str(root), section, 0)["all"].records) == 20


def test_a_wrong_path_is_never_answered_with_the_embedded_images(tmp_path: Path) -> None:
    """What is asked for is not there, though the digits always are."""
    with pytest.raises(DataError, match="no file or folder"):
        read_other(str(tmp_path / "no"), data(loader="digits"), 0)
