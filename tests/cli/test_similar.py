"""`imgrec similar`, and `imgrec predict --features`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from tests.conftest import PROJECT, needs_weights

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]

SCHEMA = PROJECT / "docs" / "similarity.schema.json"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return the folder `photos` with three photos, two of them the same, and a broken one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, level in (("dark.png", 20), ("light.png", 200), ("same.png", 20)):
        Image.new("L", (8, 8), level).save(folder / name)
    (folder / "bad.png").write_bytes(b"no image")
    return folder


@pytest.mark.usefixtures("photos")
def test_a_search_names_what_is_the_same(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """A table; the photo that can't be used is counted on stderr, and the status is 0."""
    run = ["--runs-dir", str(trained[0])]
    process = imgrec("similar", "photos/dark.png", "--in", "photos", *run)
    assert process.returncode == 0
    header, first, second = process.stdout.splitlines()
    assert header.split() == ["similarity", "photo"]
    assert first.split(maxsplit=2)[1:] == [
        "photos/dark.png",
        "identical, 1 duplicate: photos/same.png",
    ]
    assert second.split()[1] == "photos/light.png"
    assert "1 of 4 photos can't be used: photos/bad.png: not an image" in process.stderr


@pytest.mark.usefixtures("photos")
def test_the_document_follows_its_schema(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """On stdout, and in a file; the features of `predict` give the same photos as the folder."""
    run = ["--runs-dir", str(trained[0])]
    predicted = imgrec("predict", "photos", "--features", "out.npz", "--normalize", *run)
    assert predicted.returncode == 3
    assert "error: 1 of 4 photos can't be used: photos/bad.png: not an image" in predicted.stderr
    asked = ["similar", "photos/light.png", "--top", "1", *run, "--in"]
    document = json.loads(imgrec(*asked, "photos", "--json").stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text("utf-8")))
    assert (document["model"], document["searched"]) == ("digits-1", 3)
    assert [each["identical"] for each in document["similar"]] == [True]
    assert imgrec(*asked, "out.npz", "--output", "out.json").returncode == 0
    written = json.loads(Path("out.json").read_text("utf-8"))
    assert written == {**document, "searched_in": "out.npz"}


@pytest.mark.usefixtures("photos")
def test_without_a_usable_photo_no_file_of_features_is_written(
    imgrec: Imgrec, trained: tuple[Path, Process]
) -> None:
    """So the command can be repeated once the photos are right."""
    run = ["--runs-dir", str(trained[0])]
    process = imgrec("predict", "none.png", "photos/bad.png", "--features", "out.npz", *run)
    assert (process.returncode, process.stdout) == (3, "")
    assert "2 of 2 photos can't be used" in process.stderr
    assert not Path("out.npz").exists()


@pytest.mark.usefixtures("photos")
def test_a_file_of_features_is_not_replaced(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """It is refused before anything is computed; options about answers are, too."""
    asked = ["predict", "photos/dark.png", "--runs-dir", str(trained[0])]
    assert imgrec(*asked, "--features", "out.npz").returncode == 0
    with np.load("out.npz") as arrays:
        assert arrays["photos"].tolist() == ["photos/dark.png"]
    for options, message, hint in (
        (["--features", "out.npz"], "out.npz already exists", "another file with --features FILE"),
        (["--features", "out.csv"], "out.csv: unknown format .csv", "write out.npz"),
        (["--normalize"], "--normalize needs --features", "add --features FILE.npz"),
        (
            ["--features", "new.npz", "--top", "3", "--json"],
            "--features writes no predictions, so it can't be combined with --top",
            "leave out --top, --json",
        ),
    ):
        process = imgrec(*asked, *options)
        assert process.returncode == 2
        assert f"error: {message}" in process.stderr
        assert hint in process.stderr
    assert not Path("new.npz").exists()


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["photos/bad.png", "--in", "photos"], 3, "photos/bad.png: not an image"),
        (["none.png", "--in", "photos"], 3, "none.png: no such file"),
        (["photos/dark.png", "--in", "none"], 3, "none does not exist"),
        (["photos/dark.png", "--in", "none.npz"], 3, "none.npz can't be read: no such file"),
        (["photos/dark.png", "--in", "photos", "--output", "a.pdf"], 2, "a.pdf: unknown format"),
        (["photos/dark.png", "--in", "photos", "--json", "--output", "a.png"], 2, "--json prints"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_what_can_not_be_searched_is_named(
    imgrec: Imgrec, trained: tuple[Path, Process], options: list[str], status: int, message: str
) -> None:
    """With its exit status, and without output."""
    process = imgrec("similar", *options, "--runs-dir", str(trained[0]))
    assert (process.returncode, process.stdout) == (status, "")
    assert f"imgrec: error: {message}" in process.stderr


@needs_weights
def test_photos_are_searched_without_a_run(imgrec: Imgrec, photos: Path) -> None:
    """By the ImageNet weights that are installed; a run has other features than they."""
    process = imgrec("similar", "photos/dark.png", "--in", "photos", "--output", "page.html")
    assert process.returncode == 0
    assert "using EfficientNetLite0, trained on ImageNet" in process.stderr
    assert "identical" in (photos.parent / "page.html").read_text("utf-8")
