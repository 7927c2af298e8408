"""`imgrec predict`."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]

UNREADABLE = (
    "bad.png: not an image, or not in one of these formats: "
    "JPEG, PNG, GIF, BMP, WEBP, TIFF, PPM, AVIF, JPEG2000"
)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Return a folder with a photo and a file that is none."""
    Image.new("L", (8, 8), 200).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    return tmp_path


@pytest.mark.usefixtures("two")
def test_failing_photos_are_named(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """The others are predicted; failing ones stand in the output and on stderr, with status 3."""
    files = ["good.png", "bad.png", "none.png"]
    process = imgrec("predict", *files, "--runs-dir", str(trained[0]), "--json", "--top", "2")
    assert process.returncode == 3
    assert process.stderr.endswith(
        f"imgrec: error: 2 of 3 photos can't be used\n  {UNREADABLE}\n  none.png: no such file\n"
    )
    document = json.loads(process.stdout)
    assert (document["schema_version"], document["model"]) == (1, "digits-1")
    found = [(each["photo"], len(each["top"]), each["error"]) for each in document["predictions"]]
    reason = UNREADABLE.partition(": ")[2]
    assert found == [
        ("good.png", 2, None),
        ("bad.png", 0, reason),
        ("none.png", 0, "no such file"),
    ]


def test_output_goes_to_a_file(imgrec: Imgrec, trained: tuple[Path, Process], two: Path) -> None:
    """--output writes what stdout would have held, whole."""
    run = str(trained[0] / "digits-1")
    arguments = ["--model", run, "--format", "csv", "--output", "out.csv"]
    process = imgrec("predict", "good.png", *arguments)
    assert (process.returncode, process.stdout) == (0, "")
    assert process.stderr.endswith("written: out.csv\n")
    rows = list(csv.DictReader((two / "out.csv").read_text("utf-8").splitlines()))
    assert [row["photo"] for row in rows] == ["good.png"] * 5
    assert sum(float(row["probability"]) for row in rows) <= 1


def test_no_photo_is_2(imgrec: Imgrec) -> None:
    """Without a photo there is nothing to do."""
    process = imgrec("predict")
    assert (process.returncode, process.stderr) == (
        2,
        (
            "imgrec: error: Missing argument 'PHOTO...'.\n"
            "hint: `imgrec predict --help` shows what is allowed\n"
        ),
    )


def test_no_run_is_4(imgrec: Imgrec) -> None:
    """Where there is neither a run nor a terminal, both ways out are named."""
    process = imgrec("predict", "good.png")
    assert (process.returncode, process.stdout, process.stderr) == (
        4,
        "",
        (
            "imgrec: error: there is no complete run in runs to predict with\n"
            "hint: name a run with --model RUN, or an ImageNet classifier with --pretrained "
            "MobileNetV2\n"
        ),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "--format", "csv"], "--json and --format csv exclude each other"),
        (["--model", "x", "--pretrained", "VGG16"], "--model and --pretrained exclude each other"),
    ],
)
def test_contradictions_are_2(arguments: list[str], message: str, imgrec: Imgrec) -> None:
    """Options that say two things are refused."""
    process = imgrec("predict", "good.png", *arguments)
    assert (process.returncode, process.stderr) == (2, f"imgrec: error: {message}\n")
