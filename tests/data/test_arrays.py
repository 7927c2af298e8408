"""Tests of images and labels in arrays, and of .npz files."""

from __future__ import annotations

import contextlib
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.config.data import Data
from imgrec.data.records import Dataset
from imgrec.data.sources import read
from imgrec.data.sources.arrays import from_arrays
from imgrec.data.sources.loaders.npz import read_npz
from imgrec.errors import DataError

X = np.random.default_rng(0).integers(0, 256, (6, 3, 2, 3), np.uint8)
Y = np.array([0, 1, 2, 2, 1, 0])


def saved(folder: Path, **arrays: Any) -> Path:
    """Return an .npz file that holds `arrays`."""
    np.savez_compressed(folder / "data.npz", **arrays)
    return folder / "data.npz"


def pixels(dataset: Dataset) -> NDArray[Any]:
    """Return the pixels of all images, by name."""
    return np.stack([np.asarray(record.source) for record in dataset.records])


def names(dataset: Dataset) -> list[str]:
    """Return the class name of each image."""
    return [dataset.classes[record.labels[0]] for record in dataset.records]


def refusal(**arrays: Any) -> str:
    """Return the message with which `arrays` are refused."""
    with pytest.raises(DataError) as caught:
        from_arrays({key: np.asarray(array) for key, array in arrays.items()}, "data")
    return caught.value.message


def test_x_and_y_are_divided_like_folders(tmp_path: Path) -> None:
    """A file without parts is split by the seed."""
    section = Data(root=str(saved(tmp_path, x=X, y=Y)), image_size=(3, 2))
    splits = read(section, 0)
    assert splits.classes == ("0", "1", "2")
    assert len(splits.train) + len(splits.validation) == 6
    assert splits == read(section, 0)


@pytest.mark.parametrize(
    "keys",
    [
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
        ("X", "Y", "valid_X", "valid_Y", "X_test", "Y_test"),
        ("images", "labels", "x_validation", "labels_validation", "images_test", "y_test"),
    ],
)
def test_names_of_arrays_tell_the_parts(tmp_path: Path, keys: tuple[str, ...]) -> None:
    """All usual names are known, and x beside a test part is for training."""
    arrays = dict(zip(keys, (X, Y, X[:3], Y[:3], X[3:5], Y[3:5]), strict=True))
    parts = read_npz(saved(tmp_path, **arrays))
    assert {part: len(dataset.records) for part, dataset in parts.items()} == {
        "train": 6, "validation": 3, "test": 2,
    }  # fmt: skip
    assert names(parts["test"]) == ["2", "1"]


@pytest.mark.parametrize(
    "labels",
    [
        Y.astype(np.uint8),
        Y[:, None],
        Y.astype(float),
        np.eye(3)[Y],
        np.eye(3, dtype=bool)[Y],
        np.array(["a", "b", "c"])[Y],
        np.array([b"a", b"b", b"c"])[Y],
    ],
    ids=["uint8", "column", "float", "one-hot", "bool", "text", "bytes"],
)
def test_labels_come_in_several_forms(labels: NDArray[Any]) -> None:
    """Numbers, one-hot and texts all mean the same classes."""
    dataset = from_arrays({"x": X, "y": labels}, "data")["all"]
    assert [record.label for record in dataset.records] == Y.tolist()


def test_numbers_are_sorted_as_numbers() -> None:
    """Class 10 comes after class 9; texts follow."""
    dataset = from_arrays({"x": X, "y": np.array([10, 9, -1, 10, 0, 9])}, "data")["all"]
    assert dataset.classes == ("-1", "0", "9", "10")


def test_classes_give_the_names_and_their_order() -> None:
    """Labels are places in `classes`; those that no image has are not classes."""
    classes = np.array(["zebra", "ape", "cat", "unused"])
    dataset = from_arrays({"x": X, "y": Y, "classes": classes}, "data")["all"]
    assert dataset.classes == ("zebra", "ape", "cat")
    assert names(dataset)[:3] == ["zebra", "ape", "cat"]


def test_a_label_map_gives_numbers_their_names() -> None:
    """The classes have its order; those without images are left out."""
    label_map = {"2": "bird", "0": "cat", "9": "fish", "1": "dog"}
    dataset = from_arrays({"x": X, "y": Y}, "data", label_map)["all"]
    assert dataset.classes == ("bird", "cat", "dog")
    assert names(dataset) == ["cat", "dog", "bird", "bird", "dog", "cat"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": Y}, "data: label 2 is not in data.label_map"),
        ({"y": Y.astype(str)}, "data has texts as labels, so data.label_map can't be used"),
        (
            {"y": Y, "classes": np.array(["a", "b", "c"])},
            "data has the array classes, so data.label_map can't be used",
        ),
    ],
)
def test_a_label_map_that_does_not_fit(arrays: dict[str, Any], message: str) -> None:
    """Every number needs a name, and names need none."""
    with pytest.raises(DataError) as caught:
        from_arrays({"x": X, **arrays}, "data", {"0": "cat", "1": "dog"})
    assert caught.value.message == message


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, ">f8"])
def test_pixels_to_255_stay_as_they_are(dtype: Any) -> None:
    """Whatever type holds them."""
    assert np.array_equal(pixels(from_arrays({"x": X.astype(dtype), "y": Y}, "d")["all"]), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_to_1_are_scaled(dtype: Any) -> None:
    """Divided by 255 and back, no pixel changes."""
    assert np.array_equal(
        pixels(from_arrays({"x": (X / 255).astype(dtype), "y": Y}, "d")["all"]), X
    )


def test_all_parts_have_one_scale() -> None:
    """A test part of dark images is not brightened."""
    arrays = {"x": X.astype(float), "y": Y, "x_test": np.ones((1, 3, 2, 3)), "y_test": Y[:1]}
    assert pixels(from_arrays(arrays, "data")["test"]).max() == 1


@pytest.mark.parametrize("whole", ["x", "x_test"])
def test_floats_beside_whole_numbers_have_a_scale_of_their_own(whole: str) -> None:
    """Bytes in one part do not make the shares of another black."""
    arrays = {"x": X / 255, "x_test": X / 255, "y": Y, "y_test": Y, whole: X}
    for dataset in from_arrays(arrays, "data").values():
        assert np.array_equal(pixels(dataset), X)


def test_whole_numbers_to_1_are_not_scaled() -> None:
    """Only floats are taken for shares."""
    assert pixels(from_arrays({"x": X // 128, "y": Y}, "data")["all"]).max() == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "no images and labels in data; found: nothing"),
        ({"a\x1b": X}, r"found: a\x1b"),
        ({"x": X}, "data has x, but no labels"),
        ({"x": X, "y": Y, "y_test": Y}, "data has y_test, but no images"),
        ({"x": X, "images": X, "y": Y}, "data holds both x and images"),
        ({"x": X, "y": Y, "x_train": X, "y_train": Y}, "data holds x and x_train"),
        ({"x": X, "y": Y[:5]}, "6 images, but 5 labels"),
        ({"x": X, "y": 3}, "the labels are a single value"),
        ({"x": 3, "y": Y}, "shape ()"),
        ({"x": X.transpose(0, 3, 1, 2)[..., [0, 1] * 3], "y": Y}, "channels before height"),
        ({"x": X[..., :2], "y": Y}, "shape (6, 3, 2, 2)"),
        ({"x": X[:, :0], "y": Y}, "shape (6, 0, 2, 3)"),
        ({"x": X[:0], "y": Y[:0]}, "there are none"),
        ({"x": X.astype(str), "y": Y}, "type <U3"),
        ({"x": X.astype(complex), "y": Y}, "type complex128"),
        ({"x": X - 1.0 - X.min(), "y": Y}, "pixels from -1 to "),
        ({"x": X * 257.0, "y": Y}, "pixels from"),
        ({"x": np.full((6, 2, 2), np.nan), "y": Y}, "pixels that are NaN"),
        ({"x": X, "y": Y + 0.5}, "labels of shape (6,) and type float64"),
        ({"x": X, "y": np.full(6, np.inf)}, "labels of shape (6,) and type float64"),
        ({"x": X, "y": np.eye(3)[Y] * 0.5}, "label 0 (from 0) is not one-hot"),
        ({"x": X, "y": np.ones((6, 3))}, "label 0 (from 0) is not one-hot"),
        ({"x": X, "y": np.ones((6, 0))}, "labels of shape (6, 0)"),
        ({"x": X, "y": Y, "classes": ["a", "b"]}, "labels 0 to 2, but 2 classes"),
        ({"x": X, "y": Y, "classes": ["a", "b", "a"]}, "two of the classes have the same name"),
        ({"x": X, "y": list("abcabc"), "classes": ["a", "b"]}, "label c is not one of classes"),
        ({"x": X, "y": [b"\xff"] * 6}, "a label is not UTF-8"),
        ({"x": X, "y": ["\udcff"] * 6}, "a label is not UTF-8"),
        ({"x": X, "y": np.full(6, 0x110000, np.uint32).view("U1")}, "a label is not Unicode"),
        ({"x": X, "y": np.full(6, 65, np.uint32).byteswap().view("U1")}, "a label is not Unicode"),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(arrays: dict[str, Any], message: str) -> None:
    """Each with what is wrong about it, and none with an array's own exception."""
    assert message in refusal(**arrays)


def test_arrays_of_objects_run_nothing(tmp_path: Path) -> None:
    """An .npz file with a pickle inside is refused before it is unpickled."""
    marker = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {marker}",)

    file = saved(tmp_path, x=X, y=np.array([Hostile()] * 6, dtype=object))
    with pytest.raises(DataError, match="it holds Python objects, which could run anything"):
        read_npz(file)
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["text", "npy", "cut", "empty", "missing", "folder"])
def test_files_that_are_not_npz_are_named(tmp_path: Path, kind: str) -> None:
    """Also a single array under the name, and a download that broke off."""
    file = saved(tmp_path, x=X, y=Y)
    content = file.read_bytes()
    file.unlink()
    if kind == "npy":
        with file.open("wb") as stream:
            np.save(stream, X)
    elif kind == "folder":
        file.mkdir()
    elif kind != "missing":
        file.write_bytes({"text": b"hello", "cut": content[:-30], "empty": b""}[kind])
    with pytest.raises(DataError, match=r"data\.npz (is not an \.npz file|can't be read)"):
        read_npz(file)


def test_other_files_in_the_archive_are_not_arrays(tmp_path: Path) -> None:
    """A zip of texts called x and y is refused like other arrays."""
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x", "text")
        archive.writestr("y", "text")
    with pytest.raises(DataError, match="shape"):
        read_npz(tmp_path / "data.npz")


@given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1))
def test_damage_is_never_more_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    """Whichever bytes are others, there are images or a DataError."""
    file = saved(tmp_path_factory.mktemp("npz"), x=X, y=Y)
    content = bytearray(file.read_bytes())
    for place, byte in damage:
        content[place % len(content)] = byte
    file.write_bytes(content)
    with contextlib.suppress(DataError):
        read_npz(file)


def test_arrays_and_classes_that_are_not_used_are_found(tmp_path: Path) -> None:
    """An array of another name, and a name that no label stands for."""
    classes = ["cat", "dog", "emu", "fox"]
    images = {"x_train": X, "y_train": Y, "x_eval": X, "y_eval": Y}
    parts = read_npz(saved(tmp_path, **images, z=Y, classes=classes))
    assert list(parts) == ["train", "test"]
    assert [each.line for each in parts["train"].findings] == [
        "named classes that no image has, not used: 1 (fox)",
        "arrays that are not used: 1 (z: shape (6,))",
    ]


def test_class_names_have_one_form() -> None:
    """Blanks around them count for nothing, so two can be the same."""
    arrays = {"x": X, "y": np.array(["cat", "cat ", "dog", "dog", "cat", "dog"])}
    assert from_arrays(arrays, "data")["all"].classes == ("cat", "dog")
    assert "two of the classes have the same name" in refusal(x=X, y=Y, classes=["a", "a ", "b"])


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': ",
        "(" * 500,
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1" + "0" * 30 + ",)}",
    ],
    ids=["cut", "brackets", "huge"],
)
def test_a_damaged_header_is_reported(tmp_path: Path, header: str) -> None:
    """NumPy raises errors of its parser, of which none is a bug."""
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", array)
    with pytest.raises(DataError, match=r"data\.npz can't be read") as caught:
        read_npz(tmp_path / "data.npz")
    assert len(caught.value.message) < 400


def test_a_damaged_compression_is_reported(tmp_path: Path) -> None:
    """LZMA's errors are those of the file, too."""
    file = tmp_path / "data.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", bytes(range(256)))
    content = bytearray(file.read_bytes())
    content[60:90] = bytes(30)
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz can't be read"):
        read_npz(file)
