"""Tests of the loader that a path tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgrec.data.sources import detect_loader
from imgrec.errors import DataError


@pytest.mark.parametrize(
    ("path", "loader"),
    [
        ("table.csv", "csv"),
        ("TABLE.CSV", "csv"),
        ("arrays.npz", "npz"),
        ("old.pkl", "pickle"),
        ("old.pickle", "pickle"),
        ("train-images-idx3-ubyte", "idx"),
        ("t10k-images.idx3-ubyte.gz", "idx"),
        ("birds.tfrecord", "tfrecord"),
        ("birds.tfrecord-00000-of-00002", "tfrecord"),
        ("birds/*.tfrecord", "tfrecord"),
    ],
)
def test_a_name_tells_the_loader(path: str, loader: str) -> None:
    """A file's name is enough, whether or not the file is there."""
    assert detect_loader(path).name == loader


@pytest.mark.parametrize(
    ("file", "loader"),
    [
        ("cat/a.png", "folder"),
        ("train-images-idx3-ubyte.gz", "idx"),
        ("emnist-letters-test-images-idx3-ubyte", "idx"),
        ("a.tfrecord", "tfrecord"),
        ("table.csv", "folder"),
    ],
)
def test_what_is_in_a_folder_tells_the_loader(tmp_path: Path, file: str, loader: str) -> None:
    """A folder of MNIST's files or of TFRecord files is one; any other is of class folders."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert detect_loader(str(tmp_path)).name == loader


def test_a_folder_counts_as_one_whatever_its_name(tmp_path: Path) -> None:
    """A folder called like a file is still a folder."""
    (tmp_path / "photos.csv").mkdir()
    assert detect_loader(str(tmp_path / "photos.csv")).name == "folder"


def test_a_path_to_nothing_is_named(tmp_path: Path) -> None:
    """Without a suffix that tells, a missing path is most likely a misspelt folder, or another.

    A config's is named by its key.
    """
    with pytest.raises(DataError) as caught:
        detect_loader(str(tmp_path / "fotos"))
    assert caught.value.message == f"no folder {tmp_path / 'fotos'}"
    assert caught.value.hint == "check the path"
    with pytest.raises(DataError) as caught:
        detect_loader(str(tmp_path / "fotos"), "data.train")
    assert caught.value.hint.endswith("--set data.train=FOLDER")


def test_the_name_of_a_set_of_keras_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint for root: mnist says which loader fetches it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        detect_loader("mnist")
    assert caught.value.hint == "loader keras has a data set mnist: set data.loader"


def test_a_file_without_a_known_suffix_asks_for_the_loader(tmp_path: Path) -> None:
    """The hint lists every loader."""
    file = tmp_path / "data.bin"
    file.touch()
    with pytest.raises(DataError, match=r"^no loader is known for .*data\.bin$") as caught:
        detect_loader(str(file))
    assert "csv, digits, folder, idx" in caught.value.hint
