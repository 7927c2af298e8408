"""`imgrec train`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from imgrec.cli.documents import PlanDocument
from tests.cli.documents import printed
from tests.cli.transcript import transcript

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]


@pytest.mark.parametrize("arguments", [[], ["small_cnn", "--resume", "last"]], ids=" ".join)
def test_config_or_run(arguments: list[str], imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """A config and a run to resume exclude each other, and one of them is needed."""
    process = imgrec("train", *arguments)
    assert process.returncode == 2
    assert transcript(process) == snapshot


@pytest.mark.parametrize("arguments", [["--name", "x"], ["--dry-run"]], ids=" ".join)
def test_what_a_resumed_run_does_not_take(
    arguments: list[str], imgrec: Imgrec, snapshot: SnapshotAssertion
) -> None:
    """A resumed run keeps its name, and there is nothing to try out."""
    process = imgrec("train", "--resume", "last", *arguments)
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_nothing_to_resume(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """Where no run can be resumed, exit status 4 says so."""
    process = imgrec("train", "--resume", "last")
    assert process.returncode == 4
    assert transcript(process) == snapshot


def test_a_missing_config_is_2(imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A config that isn't there is reported before anything is written."""
    process = imgrec("train", "smal_cnn.yaml")
    assert process.returncode == 2
    assert transcript(process) == snapshot
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a/b", "", "no: x", "../up"])
def test_a_bad_name_is_2(
    name: str, imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """--name takes what `name` takes in a config."""
    process = imgrec("train", "small_cnn", "--name", name)
    assert process.returncode == 2
    assert transcript(process) == snapshot
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("photos")
def test_a_folder_with_too_few_classes_is_3(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """A folder is looked at as `imgrec init` does, with the same errors."""
    process = imgrec("train", "photos/cat")
    assert process.returncode == 3
    assert transcript(process) == snapshot


@pytest.mark.tensorflow
@pytest.mark.usefixtures("photos")
def test_dry_run_of_a_folder(imgrec: Imgrec, tmp_path: Path) -> None:
    """A folder becomes a config, and --dry-run shows config, model and counts alone."""
    process = imgrec("train", "photos", "--dry-run", "--device", "cpu")
    assert process.returncode == 0
    assert process.stderr.startswith("training with a config drafted for photos\n")
    assert "name: photos\n" in process.stdout
    assert "\nprobabilities " in process.stdout
    assert process.stdout.endswith(
        "images  train  validation  test\n"
        "cat     9      2           1\n"
        "dog     9      2           1\n"
        "all     18     4           2\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.tensorflow
def test_dry_run_without_photos(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """The network of the classic example is shown, with its 3,453,121 weights; then the error."""
    process = imgrec("train", "cat_dog", "--dry-run", "--device", "cpu")
    assert process.returncode == 3
    cause = "data.train: no file or folder data/cats_dogs/train"
    assert [line.endswith(cause) for line in process.stderr.splitlines()].count(True) == 2
    table = process.stdout[process.stdout.index("layer ") :]
    # The names of layers are numbered on within a process.
    assert [line.partition(" ")[2].strip() for line in table.splitlines()] == snapshot


@pytest.mark.tensorflow
@pytest.mark.usefixtures("photos")
def test_bad_images_of_a_folder_are_named_once(imgrec: Imgrec) -> None:
    """The draft of the config leaves them to the training."""
    for name in ("bad.png", "worse.png"):
        Path("photos/cat", name).write_bytes(b"no image")
    process = imgrec("train", "photos")
    assert process.returncode == 3
    assert [process.stderr.count(name) for name in ("bad.png", "worse.png")] == [1, 1]


@pytest.mark.tensorflow
def test_dry_run_of_a_table_with_a_missing_photo(imgrec: Imgrec, photos: Path) -> None:
    """It is named, though no photo is decoded."""
    names = [f"{file.parent.name}/{file.name}" for file in sorted(photos.rglob("*.png"))]
    rows = "".join(f"{name},{name[:3]}\n" for name in [*names, "cat/lost.png"])
    (photos / "table.csv").write_text(f"path,label\n{rows}")
    process = imgrec("train", "photos/table.csv", "--dry-run")
    assert process.returncode == 3
    assert "1 of 25 images can't be read: cat/lost.png: no such file" in process.stderr


@pytest.mark.tensorflow
def test_dry_run_as_json(imgrec: Imgrec) -> None:
    """The same as one document."""
    process = imgrec("train", "small_cnn", "--name", "1e3", "--dry-run", "--json")
    document = printed(PlanDocument, process)
    assert "name: '1e3'" in document.config.replace('"', "'")
    assert document.network is not None
    assert sum(document.images["train"].values()) == 1257


def test_result_as_json(trained: tuple[Path, Process]) -> None:
    """A training answers with one document of the run and its final evaluation."""
    runs, process = trained
    assert process.returncode == 0
    document = json.loads(process.stdout)
    assert document["schema_version"] == 2
    assert (document["run"], document["path"]) == ("digits-1", "runs/digits-1")
    assert (document["split"], document["data"]) == ("test", "digits")
    assert 0 <= document["metrics"]["accuracy"]["low"] <= document["metrics"]["accuracy"]["high"]
    assert (runs / "digits-1" / "best.keras").is_file()
    assert "epoch 1/1" in process.stderr


def test_profile(trained: tuple[Path, Process]) -> None:
    """It logs for each epoch how long the device waited for images."""
    shares = re.findall(r"the CPU waited for images for (\S+) % of the epoch", trained[1].stderr)
    assert len(shares) == 1
    assert 0 <= float(shares[0]) <= 100
