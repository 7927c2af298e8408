"""`imgrec calibrate`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.cli.documents import RunDocument
from tests.cli.documents import printed
from tests.models.hostile import litert_file

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def made(tmp_path: Path, imgrec: Imgrec) -> Imgrec:
    """Return `imgrec`, in a folder with the run `made-1` and 60 images of its classes."""
    litert_file(tmp_path / "made.tflite")
    (tmp_path / "classes.txt").write_text("dark\nlight\n")
    random = np.random.default_rng(0)
    for number in range(60):
        folder = tmp_path / "images" / ("light" if number % 5 else "dark")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 9, (4, 4, 3), np.uint8)).save(folder / f"{number}.png")
    assert imgrec("import", "made.tflite", "--classes", "classes.txt").returncode == 0
    return imgrec


def test_a_run_is_calibrated(made: Imgrec) -> None:
    """The new run is named, with what was fitted; `runs show` names its origin."""
    process = made("calibrate", "made-1", "--data", "images", "--coverage", "0.8")
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines() == [
        "run:  runs/made-2",
        "next: imgrec predict PHOTO --model runs/made-2",
    ]
    said = "chosen for coverage 0.8 with 95 % confidence on 60 calibration images"
    assert 'the answer is "unknown" if the probability is below 0.' in process.stderr
    assert process.stderr.count(said) == process.stderr.count("(temperature ") == 1
    assert "photos unlike the training images may pass" in process.stderr
    shown = made("runs", "show", "made-2").stdout
    assert "calibrated from  made-1, on 60 images of images" in shown
    assert "  calibrated from made-1\n" in made("runs", "list").stdout
    assert json.loads(made("runs", "show", "made-1", "--json").stdout)["card"]["threshold"] is None
    again = made("calibrate", "made-2", "--data", "images", "--name", "other", "--json")
    assert printed(RunDocument, again) == RunDocument(1, "other-1", "runs/other-1")


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        ("made-1 made-1 --data images", 2, "an ensemble can't be calibrated"),
        ("made-1", 2, "Missing option '--data'"),
        ("made-1 --data images --precision 0.9 --coverage 0.9", 2, "can't be combined"),
        ("made-1 --data images --precision 98", 2, "--precision 98: it must be above 0"),
        (
            "made-1 --data images --precision 0.98",
            3,
            "60 calibration images can't guarantee a precision",
        ),
        ("made-1 --data nothing", 3, "nothing"),
        ("made-7 --data images", 4, "there is no run made-7"),
    ],
)
def test_what_can_not_be_done_has_its_status(
    arguments: str, status: int, reason: str, made: Imgrec
) -> None:
    """And its cause; no run is left of it."""
    process = made("calibrate", *arguments.split())
    assert (process.returncode, process.stdout) == (status, "")
    assert reason in process.stderr
    assert not Path("runs/made-2").exists()
