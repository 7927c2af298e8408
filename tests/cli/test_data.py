"""`imgrec data preview` and `imgrec data pack`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from syrupy.assertion import SnapshotAssertion

from imgrec.cli.documents import PreviewDocument
from imgrec.json_documents import json_text
from imgrec.workflows.pack import PackDocument
from tests.cli.documents import printed
from tests.cli.transcript import transcript
from tests.conftest import PROJECT

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.tensorflow
def test_preview_writes_a_picture(
    imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """preview.png lies in the working directory; a second time it is not overwritten."""
    process = imgrec("data", "preview", "small_cnn")
    assert process.returncode == 0, process.stderr
    assert transcript(process) == snapshot
    with Image.open(tmp_path / "preview.png") as sheet:
        assert sheet.format == "PNG"
    again = imgrec("data", "preview", "small_cnn")
    assert again.returncode == 2
    assert transcript(again) == snapshot


@pytest.mark.tensorflow
def test_preview_takes_overrides_and_writes_json(imgrec: Imgrec, tmp_path: Path) -> None:
    """The document names the file and every caption."""
    arguments = [
        "--images",
        "3",
        "--variants",
        "1",
        "--output",
        "sheet.png",
        "--set",
        "seed=4",
        "--json",
    ]
    process = imgrec("data", "preview", "small_cnn", *arguments)
    document = printed(PreviewDocument, process)
    assert document.path == "sheet.png"
    assert len(document.captions) == 6
    assert (tmp_path / "sheet.png").is_file()


def test_preview_of_a_missing_config(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """It is reported with the names of the shipped ones."""
    process = imgrec("data", "preview", "nothing_such")
    assert process.returncode == 2
    assert transcript(process) == snapshot


@pytest.mark.tensorflow
def test_pack_writes_a_folder_and_says_how_to_train(imgrec: Imgrec, photos: Path) -> None:
    """The command that it shows works; a second time nothing is overwritten."""
    arguments = ["--set", f"data.root={photos}", "--set", "data.loader=folder", "--shards", "2"]
    process = imgrec("data", "pack", "small_cnn", *arguments, "--output", "packed")
    assert process.returncode == 0, process.stderr
    written, following = process.stdout.splitlines()
    assert written == "written: packed (24 images in 6 files: train 16, validation 2, test 6)"
    assert following == (
        "next:    imgrec train small_cnn --set data.root=packed --set data.loader=tfrecord "
        "--set data.split=null"
    )
    planned = imgrec(*following.split()[2:], "--dry-run")
    assert planned.returncode == 0, planned.stderr
    again = imgrec("data", "pack", "small_cnn", *arguments, "--output", "packed")
    assert (again.returncode, again.stdout) == (2, "")
    hint = "remove it, or choose another folder with --output FOLDER"
    assert f"packed already exists\nhint: {hint}\n" in again.stderr


def test_pack_of_a_path_writes_json(imgrec: Imgrec, photos: Path) -> None:
    """The folder is named after the photos' own; the document holds the manifest."""
    process = imgrec("data", "pack", str(photos), "--json")
    document = printed(PackDocument, process)
    assert document.path == "photos-tfrecord"
    manifest = json.loads((photos.parent / "photos-tfrecord" / "manifest.json").read_text())
    assert json.loads(json_text(document.manifest)) == manifest
    schema = json.loads((PROJECT / "docs/manifest.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(manifest)
    checked = imgrec("check", "photos-tfrecord", "--json")
    assert json.loads(checked.stdout)["images"]["readable"] == 24


def test_pack_of_bad_images_leaves_nothing(imgrec: Imgrec, photos: Path) -> None:
    """Exit status 3, the image by its name, and no half of a pack."""
    (photos / "cat" / "0.png").write_text("no image")
    process = imgrec("data", "pack", str(photos), "--output", "packed")
    assert (process.returncode, process.stdout) == (3, "")
    assert "cat/0.png: not an image" in process.stderr
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]


@pytest.mark.tensorflow
def test_a_damaged_pack_is_refused(imgrec: Imgrec, photos: Path) -> None:
    """Exit status 3, with file and record; a label that the map lacks with its feature too."""
    assert imgrec("data", "pack", str(photos), "--output", "packed").returncode == 0
    shard = photos.parent / "packed" / "train.tfrecord-00000-of-00001"
    (photos.parent / "packed" / "manifest.json").unlink()
    train = ["train", "small_cnn", "--dry-run", "--set", "data={root: packed, image_size: [8, 8]}"]
    mapped = imgrec(*train, "--set", "data.label_map={0: cat}")
    assert mapped.returncode == 3
    assert "record 0 (from 0): feature image/class/label: label 1 is not in" in mapped.stderr
    shard.write_bytes(shard.read_bytes()[:-1])
    cut = imgrec(*train)
    assert cut.returncode == 3
    assert f"{Path('packed', shard.name)} ends within record 23 (from 0)" in cut.stderr
