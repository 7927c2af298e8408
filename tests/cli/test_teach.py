"""`imgrec teach` and `imgrec forget`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from imgrec.files import sha256
from imgrec.workflows.teaching import Classifier
from tests.cli.conftest import Imgrec
from tests.conftest import needs_weights
from tests.teaching.small import create, picture, pictures


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
    before = "on the photos that were there before, by their current labels"
    assert f"{before}: +0.0 points" in more.stdout
    missing = taught("forget", folder, tmp_path / "red" / "0.png")
    assert missing.returncode == 2
    assert f"{tmp_path / 'red' / '0.png'} is not a photo of pets" in missing.stderr
    assert f"`imgrec serve --classifiers {folder.parent}` shows the photos" in missing.stderr
    nowhere = taught("forget", folder, "2.png")
    assert f"photos called 2.png, by SHA-256: {sha256(picture(2, red=True))}" in nowhere.stderr


def test_photos_are_relabelled(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """Only if that is asked for, each once; a class that has too few photos then is named."""
    for name in ("red", "blue"):
        taught("teach", folder, name, tmp_path / name)
    photo = tmp_path / "red" / "0.png"
    done = taught("teach", folder, "green", photo, photo, "--relabel")
    assert done.stderr == "green: 0 photos added, 1 relabelled; 1 was there already\n"
    assert "green is left out until it has 2 photos" in done.stdout
    assert "on the photos that were there before" in done.stdout
    again = json.loads(taught("teach", folder, "red", photo, "--relabel", "--json").stdout)
    assert [each["outcome"] for each in again["added"]] == ["relabelled"]
    assert again["photos"] == {"labelled": 8, "unsure": 0, "none": 0}
    assert again["standing"]["state"] == "done"


def test_a_class_without_photos_is_not_made(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """Its name may be mistyped: all of its photos are there with another one, which they keep."""
    taught("teach", folder, "red", tmp_path / "red")
    done = taught("teach", folder, "rde", tmp_path / "red", "--json")
    assert done.returncode == 0
    assert "rde: 0 photos added\n4 photos with another label" in done.stderr
    assert json.loads(done.stdout)["classes"] == [{"name": "red", "photos": 4}]
    moved = taught("teach", folder, "rouge", tmp_path / "red", "--relabel", "--json")
    assert json.loads(moved.stdout)["classes"][1] == {"name": "rouge", "photos": 4}
    case = taught("teach", folder, "Rouge", tmp_path / "red")
    assert (case.returncode, "there is a class rouge already" in case.stderr) == (2, True)


def test_a_new_class_is_compared_with_nothing(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """With another class it is another question; without enough photos of it, nothing changed."""
    for name in ("red", "blue"):
        taught("teach", folder, name, tmp_path / name)
    (tmp_path / "green.png").write_bytes(picture(60, red=True))
    done = taught("teach", folder, "green", tmp_path / "green.png")
    assert "green is left out until it has 2 photos" in done.stdout
    assert "there before" not in done.stdout
    more = taught("teach", folder, "red", tmp_path / "green.png", "--relabel")
    assert "on the photos that were there before, by their current labels: " in more.stdout


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
    both = taught("teach", folder, "--no-require", "--require", "accuracy >= 0.5")
    assert (both.returncode, both.stdout) == (2, "")
    again = json.loads(taught("teach", folder, "--no-require", "--publish", "--json").stdout)
    assert (again["require"], again["version"]["number"]) == ([], 1)


def test_what_is_required_is_said(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """With what of it is not met now; a class that is not there is refused."""
    taught("teach", folder, "red", tmp_path / "red")
    few = taught("teach", folder, "--require", "accuracy >= 0.5")
    assert few.stderr == "required of versions from now on: accuracy >= 0.5\n"
    options = ("--require", "accuracy.low >= 99.9 %", "--require", "recall[blue] >= 0.5")
    done = taught("teach", folder, "blue", tmp_path / "blue", *options)
    assert done.stderr == (
        "blue: 4 photos added\n"
        "required of versions from now on: accuracy.low >= 0.999, recall[blue] >= 0.5\n"
        "not met now: accuracy.low is 63.1 %, less than 99.9 %\n"
    )
    wrong = taught("teach", folder, "--require", "recall[bleu] >= 0.5")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "there is no class bleu; did you mean blue? there are blue, red" in wrong.stderr
    assert json.loads(taught("teach", folder, "--json").stdout)["require"][1:] == [
        "recall[blue] >= 0.5"
    ]
    none = taught("teach", folder, "--no-require")
    assert none.stderr == (
        "required of versions from now on: nothing, except not to be significantly worse than the "
        "published one\n"
    )


def test_a_probably_wrong_label_is_named(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """By the photo's file; the command in the last line gives it the other class."""
    (tmp_path / "blue" / "odd.png").write_bytes(picture(60, red=True))
    for name in ("red", "blue"):
        found = taught("teach", folder, name, tmp_path / name).stdout
    assert "labelled blue: odd.png (" in found
    command = next(line for line in found.splitlines() if line.endswith(" relabels it"))
    typed = command.split("`")[1].split()[1:]
    done = taught(*typed)
    assert done.stderr == "red: 0 photos added, 1 relabelled\n"
    assert "probably" not in done.stdout


def test_a_forgotten_class_is_named(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """A photo in the place of the class is no name; without photos, no class is made."""
    photo = tmp_path / "red" / "0.png"
    wrong = taught("teach", folder, photo)
    assert wrong.returncode == 2
    assert wrong.stderr == (
        f"imgrec: error: the class of {photo} is missing\n"
        f"hint: `imgrec teach {folder} CLASS {photo}`\n"
    )
    several = taught("teach", folder, photo, photo)
    assert f"hint: `imgrec teach {folder} CLASS PHOTO...`\n" in several.stderr
    nowhere = taught("teach", "red", photo, photo)
    assert f"{photo} is a photo, in the place of a class: FOLDER or CLASS" in nowhere.stderr
    assert nowhere.stderr.endswith("hint: `imgrec teach FOLDER red PHOTO...`\n")
    alone = taught("teach", folder, "--relabel")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "`imgrec teach" in alone.stderr
    refused = taught("teach", folder, "green", tmp_path / "*.jpg", "--json")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.endswith("*.jpg: nothing matches this pattern\nhint: check the path\n")
    assert json.loads(taught("teach", folder, "--json").stdout)["classes"] == []


def test_a_new_classifier_needs_a_photo(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """Nothing is left of one whose first photos can't be used; an empty one has no table."""
    run = tmp_path / "run"
    with Classifier(folder) as pets:
        pets.add([*pictures(0, 2, red=True)], "red")
        pets.add([*pictures(100, 2, red=False)], "blue")
        pets.publish()
        shutil.copytree(pets.run(1).path, run)
    others = folder.with_name("others")
    done = taught("teach", others, "green", "nope.png", "--backbone", run)
    assert (done.returncode, done.stdout) == (3, "")
    assert "nope.png: no such file" in done.stderr
    assert not others.exists()
    create(others).close()
    empty = taught("teach", others)
    assert empty.stdout.startswith("too few photos: ")
    assert "there are no photos with a class" in empty.stdout


def test_what_a_model_lacks_is_said(taught: Imgrec, folder: Path, tmp_path: Path) -> None:
    """Once, with what adds photos; nothing is published then."""
    done = taught("teach", folder, "red", tmp_path / "red", "--publish")
    assert done.returncode == 3
    assert done.stdout.endswith(
        f"red is the only class with photos\n`imgrec teach {folder} CLASS PHOTO...` adds photos\n"
    )
    kept = "the photos are kept"
    assert f"not published: red is the only class with photos; {kept}" in done.stderr
    one = taught("teach", folder, "blue", tmp_path / "blue" / "100.png", "--publish", "--json")
    note = "a model takes 2 classes with 2 photos each; blue has only one photo"
    assert json.loads(one.stdout)["standing"]["note"] == note
    assert one.returncode == 3
    assert f"not published: blue has only one photo; {kept}" in one.stderr
    assert f"repeat `imgrec teach {folder} --publish`" in one.stderr
    taught("teach", folder, "blue", tmp_path / "blue")
    for number, name in ((60, "fox"), (61, "cow")):
        (tmp_path / f"{name}.png").write_bytes(picture(number, red=True))
        taught("teach", folder, name, tmp_path / f"{name}.png")
    several = taught("teach", folder, "cow", tmp_path / "cow.png", "--publish")
    assert several.returncode == 3
    assert f"not published: cow, fox have only one photo; {kept}" in several.stderr


def test_versions_are_compared_on_the_photos_of_both(
    taught: Imgrec, folder: Path, tmp_path: Path
) -> None:
    """The verdict says how many there are."""
    for name in ("red", "blue"):
        taught("teach", folder, name, tmp_path / name)
    taught("teach", folder, "--publish")
    again = taught("teach", folder, "--publish")
    assert (
        "met: on the 8 photos that both were measured on, accuracy is 100.0 %, as" in again.stderr
    )


def test_versions_of_other_classes_are_not_compared(
    taught: Imgrec, folder: Path, tmp_path: Path
) -> None:
    """The command says so, and why, whether or not the version is published."""
    for name in ("red", "blue"):
        taught("teach", folder, name, tmp_path / name)
    assert "not compared" not in taught("teach", folder, "--publish").stderr
    for number in (60, 61):
        (tmp_path / f"{number}.png").write_bytes(picture(number, red=True))
    why = "not compared with version 1, as the classes differ: green is new\n"
    photos = tmp_path / "6?.png"
    refused = taught("teach", folder, "green", photos, "--publish", "--require", "log_loss <= 0")
    assert refused.stderr.endswith(f"{why}not published\n")
    options = ("--publish", "--no-require", "--json")
    assert json.loads(taught("teach", folder, *options).stdout)["not_compared"] == why.strip()
    again = taught("teach", folder, "--publish")
    assert "not compared" not in again.stderr
    assert "met: on the 10 photos that both were measured on" in again.stderr


@needs_weights
@pytest.mark.slow
def test_a_published_run_says_what_it_is_judged_by(
    taught: Imgrec, folder: Path, tmp_path: Path
) -> None:
    """How many images, what that can't tell, and how it compares with the published version."""
    for name in ("red", "blue"):
        taught("teach", folder, name, tmp_path / name)
    assert taught("teach", folder, "--publish").returncode == 0
    assert taught("train", folder / "photos", "--quick").returncode == 0
    done = taught("teach", folder, "--publish", "--run", "photos-1", "--require", "accuracy>=0.5")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "required of versions from now on: accuracy >= 0.5\n"
        "photos-1: accuracy 100.0 % (15.8 to 100.0 %) on 2 validation images\n"
        "2 photos are too few to tell: the accuracy is between 15.8 and 100.0 %\n"
    )
    assert "met: on the 2 photos that both were measured on, accuracy is 100.0 %, as" in done.stderr
    head = json.loads(taught("teach", folder, "--publish", "--json").stdout)
    assert head["judged_by"]["photos"] == 8
    assert head["verdicts"][1]["reason"].startswith("on the 2 photos that both were measured on")


def test_a_mistaken_classifier_has_those_there_as_a_hint(taught: Imgrec, folder: Path) -> None:
    """Neither a photo nor its hash is looked for."""
    done = taught("forget", folder.with_name("pet"), "0" * 64)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "hint: classifiers there: pets")


def test_a_classifier_that_is_missing(taught: Imgrec, tmp_path: Path) -> None:
    """It is not created by what would only read it."""
    for arguments in (("teach", tmp_path / "pets"), ("forget", tmp_path / "pets", "0" * 64)):
        done = taught(*arguments)
        assert done.returncode == 2
        assert "there is no classifier" in done.stderr
    assert not (tmp_path / "pets").exists()
