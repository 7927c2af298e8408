"""A path determines the loader."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from imgrec.data.sources import DataLocation, SplitConfig, detect_loader, read
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
def test_a_name_determines_the_loader(path: str, loader: str) -> None:
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
def test_the_content_of_a_folder_determines_the_loader(
    tmp_path: Path, file: str, loader: str
) -> None:
    """A folder of MNIST's files or of TFRecord files is one; any other is of class folders."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert detect_loader(str(tmp_path)).name == loader


def test_a_folder_counts_as_one_whatever_its_name(tmp_path: Path) -> None:
    """A folder called like a file is still a folder."""
    (tmp_path / "photos.csv").mkdir()
    assert detect_loader(str(tmp_path / "photos.csv")).name == "folder"


def test_a_path_to_nothing_is_named(tmp_path: Path) -> None:
    """Without a known suffix, a missing path is most likely a misspelt folder, or another.

    A config's is named by its key.
    """
    with pytest.raises(DataError) as caught:
        detect_loader(str(tmp_path / "fotos"))
    assert caught.value.message == f"no file or folder {tmp_path / 'fotos'}"
    assert caught.value.hint == "check the path"
    with pytest.raises(DataError) as caught:
        detect_loader(str(tmp_path / "fotos"), "data.train")
    assert caught.value.hint.endswith("`data.train: FOLDER` in the config")


def test_the_name_of_a_set_of_keras_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint for root: mnist says which loader fetches it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        detect_loader("mnist")
    assert caught.value.hint == "`data.loader: keras` in the config reads the data set mnist"


def test_a_file_without_a_known_suffix_asks_for_the_loader(tmp_path: Path) -> None:
    """The hint lists every loader."""
    file = tmp_path / "data.bin"
    file.touch()
    with pytest.raises(DataError, match=r"data\.bin is an empty file, not a data set$") as caught:
        detect_loader(str(file))
    assert "csv, digits, folder, idx" in caught.value.hint


def archived(folder: Path, name: str) -> Path:
    """Return an archive of two class folders."""
    for path in ("cat/a.png", "dog/a.png"):
        (folder / "in" / path).parent.mkdir(parents=True)
        (folder / "in" / path).touch()
    form = "zip" if name.endswith(".zip") else "gztar"
    shutil.make_archive(str(folder / "made"), form, folder / "in")
    return next(folder.glob("made.*")).rename(folder / name)


@pytest.mark.parametrize(("name", "tool"), [("my photos.zip", "unzip"), ("photos.tar.gz", "tar")])
def test_an_archive_is_named_with_the_command_that_unpacks_it(
    tmp_path: Path, name: str, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the hint says to type makes a folder that is read."""
    monkeypatch.chdir(archived(tmp_path, name).parent)
    with pytest.raises(DataError) as caught:
        detect_loader(name)
    assert caught.value.message == f"{name} is an archive, not a folder"
    command = caught.value.hint.removeprefix("unpack it and name the folder: ")
    assert command.startswith((tool, "mkdir"))
    if shutil.which(tool):
        subprocess.run(command, shell=True, check=True)  # noqa: S602  # our own command
        splits = read(DataLocation(root=name.partition(".")[0], split=SplitConfig()), 0)
        assert splits.classes == ("cat", "dog")


def test_a_run_is_not_a_data_set(tmp_path: Path) -> None:
    """Its plots are not training images; the hint names the config of its data."""
    for name in ("card.json", "config.yaml"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="is a run, not a data set") as caught:
        detect_loader(str(tmp_path))
    assert f"imgrec check {tmp_path / 'config.yaml'}" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cat.jpg", b"\xff\xd8\xff", "cat.jpg is an image, not a data set"),
        ("table.xlsx", b"PK\3\4", "table.xlsx is a spreadsheet"),
        ("page.data", b"<html>", "page.data is an HTML page, not a data set"),
        ("train.py", b"import keras", "train.py is a file that no loader reads"),
        ("empty", b"", "empty is an empty file, not a data set"),
        ("missing", None, "no file or folder missing"),
        ("missing.zip", None, "no file or folder missing.zip"),
    ],
)
def test_what_is_not_a_data_set_is_named_by_what_it_is(
    tmp_path: Path,
    name: str,
    content: bytes | None,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cause is in one line."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        detect_loader(name)
    assert caught.value.message == message
    assert caught.value.hint
