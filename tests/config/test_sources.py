"""Tests of what a config says to the loaders."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from imgrec.config.data import Data
from imgrec.data.sources.loaders import csv_file
from imgrec.data.sources.loaders.csv_file import Columns
from imgrec.data.tfrecord import LOADER
from imgrec.data.tfrecord.reader import Features
from imgrec.sections.section import findings


def problems(**values: object) -> list[str]:
    """Return what is wrong with a section `data`, each with its key."""
    with pytest.raises(ValidationError) as caught:
        Data.model_validate({"image_size": [8, 8], **values})
    return [f"{'.'.join(map(str, path))}: {message}" for path, message in findings(caught.value)]


def test_every_key_of_a_loader_is_taken() -> None:
    """Columns, features and the like, each with its loader or with that of the path."""
    for loader in ("csv", None):
        data = Data.model_validate(
            {
                "image_size": [8, 8],
                "loader": loader,
                "root": "list.csv",
                "columns": {"path": "file"},
                "multi_label": True,
                "separator": ";",
                "group": "animal",
            }
        )
        assert data.options(csv_file.LOADER).columns == Columns(path="file")
    data = Data.model_validate(
        {
            "image_size": [8, 8],
            "loader": "tfrecord",
            "train": "a/*.tfrecord",
            "test": "b.tfrecord",
            "features": {"label": "class"},
            "label_map": {"-1": "none", "0": "cat"},
        }
    )
    assert data.options(LOADER).features == Features(label="class")
    shapes = {"image_size": [8, 8], "loader": "shapes", "images": 10}
    assert Data.model_validate(shapes).root is None
    assert Data(image_size=(8, 8), loader="keras", root="cifar10").root == "cifar10"


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("columns", {}, "csv"),
        ("multi_label", True, "csv or tfrecord"),
        ("features", {}, "tfrecord"),
        ("label_map", {"1": "cat"}, "idx or npz or pickle or tfrecord"),
        ("images", 10, "shapes"),
    ],
)
def test_a_key_of_another_loader_is_refused(key: str, value: object, wanted: str) -> None:
    """It would be ignored, and the user would not know."""
    expected = f"{key}: is for loader {wanted}, not for folder"
    assert problems(loader="folder", root="x", **{key: value}) == [expected]


def test_images_that_come_with_a_loader_have_no_path() -> None:
    """Digits, shapes and Keras' data sets are not files of the user."""
    assert problems(loader="shapes", root="x") == [
        "root: loader shapes reads no files; leave it out"
    ]
    assert problems(loader="keras", root="imagenet") == [
        "root: the data sets of keras are mnist, fashion_mnist, cifar10, cifar100; name one"
    ]
    assert problems(loader="keras", root="mnist", train="x") == [
        "train: loader keras reads no files; leave it out"
    ]


@pytest.mark.parametrize("key", ["a", "1.0", "01", "-0", " 1", "٣", ""])
def test_a_label_map_maps_whole_numbers(key: str) -> None:
    """What can't be a label of a record is refused, however it is written."""
    assert problems(loader="tfrecord", root="x", label_map={key: "cat"}) == [
        f"label_map.{key}: is not a whole number"
    ]


@pytest.mark.parametrize("loader", ["idx", "npz", "pickle", "tfrecord"])
def test_loaders_of_numbers_take_a_label_map(loader: str) -> None:
    """Labels may be numbers in all of these."""
    data = {"image_size": [8, 8], "loader": loader, "root": "x", "label_map": {"0": "cat"}}
    assert Data.model_validate(data).model_dump()["label_map"] == {"0": "cat"}


def test_a_label_map_has_each_name_once() -> None:
    """Two labels with one name may be a slip of the pen."""
    assert problems(loader="tfrecord", root="x", label_map={"1": "cat", "2": "cat"}) == [
        "label_map.2: labels 1 and 2 have the same name"
    ]
