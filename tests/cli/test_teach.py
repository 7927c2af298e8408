"""`imgrec teach` and `imgrec forget`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Imgrec
from tests.teaching.small import create, picture


@pytest.fixture
def taught(imgrec: Imgrec) -> Imgrec:
    """`imgrec`, with paths as arguments."""
    return lambda *arguments: imgrec(*map(str, arguments))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A classifier without photos, and files of photos in `red` and `blue`."""
    create(tmp_path / "classifiers" / "pets").close()
    for name, first in (("red", 0), ("blue", 100)):
        (tmp_path / name).mkdir()
        for number in range(first, first + 4):
            content = picture(number, red=name == "red")
            (tmp_path / name / f"{number}.png").write_bytes(content)
    return tmp_path / "classifiers" / "pets"


def test_photos_are_taught_and_forgotten(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """A file with the content of a photo names it; copies count once."""
    first = taught("teach", folder, "red", tmp_path / "red")
    assert first.returncode == 0
    assert first.stderr == "red: 4 photos added\n"
    assert "too few photos: at least 2 classes with 2 photos each are needed" in first.stdout
    (tmp_path / "blue" / "notes.png").write_text("no image")
    again = taught("teach", folder, "blue", tmp_path / "blue", tmp_path / "red" / "0.png")
    assert again.returncode == 3
    assert "blue: 4 photos added" in again.stderr
    other = f"which stays without --relabel: {tmp_path / 'red' / '0.png'}: red"
    assert other in again.stderr
    assert "notes.png" in again.stderr
    assert "8 photos are too few to tell: the accuracy is between" in again.stdout
    done = taught("forget", folder, tmp_path / "red" / "0.png", "--json")
    assert json.loads(done.stdout)["photos"] == 1
    more = taught("forget", folder, tmp_path / "red" / "1.png")
    assert more.stderr == "1 photo deleted\n"
    assert "6 photos are too few to tell" in more.stdout
    assert "on the photos that were there before: +0.0 points" in more.stdout
    missing = taught("forget", folder, tmp_path / "red" / "0.png")
    assert missing.returncode == 2
    assert f"{tmp_path / 'red' / '0.png'} is not a photo of pets" in missing.stderr
    nowhere = taught("forget", folder, "red.png")
    assert f"{folder / 'photos'} has the photos, each by its SHA-256" in nowhere.stderr


def test_photos_are_relabelled(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """Only if that is asked for, each once; a class that has too few photos then is named."""
    for name in ("red", "blue"):
        taught("teach", folder, name, tmp_path / name)
    photo = tmp_path / "red" / "0.png"
    done = taught("teach", folder, "green", photo, photo, "--relabel")
    assert done.stderr == "green: 0 photos added, 1 relabelled; 1 was there already\n"
    assert "green is left out until it has 2 photos" in done.stdout
    again = json.loads(taught("teach", folder, "red", photo, "--relabel", "--json").stdout)
    assert [each["outcome"] for each in again["added"]] == ["relabelled"]
    assert again["photos"] == {"labelled": 8, "unsure": 0, "none": 0}
    assert again["standing"]["state"] == "done"


def test_a_requirement_that_is_not_met_is_status_1(
    taught: Imgrec, folder: Path, tmp_path: Path
) -> None:
    """Nothing is published then."""
    taught("teach", folder, "red", tmp_path / "red")
    options = ("--publish", "--require", "accuracy.low >= 0.99")
    done = taught("teach", folder, "blue", tmp_path / "blue", *options)
    assert done.returncode == 1
    assert "not met: " in done.stderr
    assert done.stderr.endswith("not published\n")


def test_a_forgotten_class_is_named(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """A photo in the place of the class is no name; without photos, no class is made."""
    photo = tmp_path / "red" / "0.png"
    wrong = taught("teach", folder, photo)
    assert wrong.returncode == 2
    assert wrong.stderr == (
        f"imgrec: error: the class of {photo} is missing\n"
        f"hint: `imgrec teach {folder} CLASS {photo}`\n"
    )
    alone = taught("teach", folder, "--relabel")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "`imgrec teach" in alone.stderr
    refused = taught("teach", folder, "green", tmp_path / "*.jpg", "--json")
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["classes"] == []


def test_a_classifier_that_is_missing(taught: Imgrec, tmp_path: Path) -> None:
    """It is not created by what would only read it."""
    for arguments in (("teach", tmp_path / "pets"), ("forget", tmp_path / "pets", "0" * 64)):
        done = taught(*arguments)
        assert done.returncode == 2
        assert "there is no classifier" in done.stderr
    assert not (tmp_path / "pets").exists()
