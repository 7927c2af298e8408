"""`imgrec check`."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.cli.transcript import transcript

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


def differing(photos: Path) -> None:
    """Write other pixels into each of the twins that the fixture makes."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for path in photos.rglob("*.png"):
        pixels = random.integers(0, 256, (6, 6, 3), np.uint8)
        Image.fromarray(pixels).resize((32, 24), Image.Resampling.BICUBIC).save(path)


def test_sound_images_are_0(imgrec: Imgrec, photos: Path, snapshot: SnapshotAssertion) -> None:
    """Nothing found: a table, a verdict, exit status 0 and a silent stderr."""
    differing(photos)
    process = imgrec("check", "photos")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == snapshot


def test_errors_are_3(imgrec: Imgrec, photos: Path, snapshot: SnapshotAssertion) -> None:
    """The same picture under two labels makes results wrong."""
    process = imgrec("check", "photos")
    assert (process.returncode, process.stderr) == (3, "")
    assert process.stdout == snapshot
    assert photos.is_dir()


def test_strict_counts_warnings(imgrec: Imgrec, photos: Path) -> None:
    """A warning is exit status 0, and 3 with --strict."""
    differing(photos)
    twin = photos / "cat" / "0.png"
    (photos / "cat" / "twin.png").write_bytes(twin.read_bytes())
    assert imgrec("check", "photos").returncode == 0
    assert imgrec("check", "photos", "--strict").returncode == 3


def test_json(imgrec: Imgrec, photos: Path) -> None:
    """--json is one document, with every file of every finding."""
    (photos / "cat" / "bad.jpg").write_bytes(b"")
    process = imgrec("check", "photos", "--json")
    document = json.loads(process.stdout)
    assert process.returncode == 3
    assert document["schema_version"] == 1
    assert document["passed"] is False
    assert document["images"] == {"all": 25, "readable": 24, "bad": 1}
    assert document["counts"]["duplicates_across_labels"] == 24
    assert document["moved"] == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_quarantine(imgrec: Imgrec, photos: Path, tmp_path: Path) -> None:
    """Bad files of any name move, the list names them, and the output says how many."""
    differing(photos)
    names = ["a\nb.jpg", "\x1b[31m.jpg", "\udce9.jpg", '"q".jpg', "=cmd.jpg"]
    for name in names:
        (photos / "dog" / name).write_bytes(b"no image")
    process = imgrec("check", "photos", "--quarantine", "aside")
    assert (process.returncode, process.stderr) == (3, "")
    assert process.stdout.endswith("5 files moved to aside, listed in aside/moved.csv\n")
    assert "\x1b" not in process.stdout
    with (tmp_path / "aside/moved.csv").open(errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(Path(row["from"]).name for row in rows) == sorted(names)
    assert all(Path(row["to"]).is_file() for row in rows)
    assert imgrec("check", "photos").returncode == 0


@pytest.mark.usefixtures("photos")
def test_quarantine_says_what_to_do_with_the_rest(imgrec: Imgrec) -> None:
    """Sound files under two labels stay: which label is wrong only people know."""
    process = imgrec("check", "photos", "--quarantine", "aside")
    assert process.stdout.endswith(
        "0 files moved to aside\n"
        "not moved (sound, but under several labels): 24 files; "
        "remove the copies that have the wrong label\n"
    )


def test_quarantine_is_refused(imgrec: Imgrec, photos: Path, snapshot: SnapshotAssertion) -> None:
    """A folder inside the data is wrong usage, and nothing moves."""
    process = imgrec("check", "photos", "--quarantine", "photos/bad")
    assert process.returncode == 2
    assert transcript(process) == snapshot
    assert sorted(path.name for path in photos.iterdir()) == ["cat", "dog"]


def test_config(imgrec: Imgrec) -> None:
    """The data of a shipped config can be checked by its name."""
    process = imgrec("check", "small_cnn")
    assert process.returncode in {0, 3}
    assert "train" in process.stdout


def test_a_missing_path_is_3(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """A folder that isn't there is reported."""
    process = imgrec("check", "nowhere")
    assert process.returncode == 3
    assert transcript(process) == snapshot


@pytest.mark.long
def test_awkward_files_print_nothing(process: Imgrec, shared: Callable[[str], Path]) -> None:
    """Neither Python's nor C's libraries write a word on the screen, whatever the files are."""
    done = process("check", str(shared("data/awkward")))
    assert (done.returncode, done.stderr) == (3, "")
    assert "Traceback" not in done.stdout
