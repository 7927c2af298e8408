"""A machine with requirements-predict.txt predicts and evaluates a run that was brought there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgrec.runs.folder import Run

PROJECT = Path(__file__).resolve().parents[2]
# What docs/ci.md says to copy.
BROUGHT = ("card.json", "config.yaml", "images.csv", "model.tflite")


@pytest.mark.slow
def test_a_machine_without_tensorflow_predicts_and_evaluates(trained: Run, tmp_path: Path) -> None:
    """With the two install commands of docs/ci.md, from four files of a run."""
    home = tmp_path / "venv"
    _run([sys.executable, "-m", "venv", str(home)], tmp_path)
    python = str(home / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    lock = str(PROJECT / "requirements-predict.txt")
    _run([*pip, "--require-hashes", "--requirement", lock], tmp_path)
    _run([*pip, "--no-deps", str(PROJECT)], tmp_path)
    (tmp_path / "runs" / "tiny-1").mkdir(parents=True)
    for name in BROUGHT:
        shutil.copy(trained.path / name, tmp_path / "runs" / "tiny-1")
    assert sum(file.stat().st_size for file in tmp_path.rglob("tiny-1/*")) < 20_000_000
    Image.new("L", (8, 8), 200).save(tmp_path / "photo.png")

    assert json.loads(_run([python, "-m", "imgrec", "predict", "photo.png", "--json"], tmp_path))
    found = json.loads(_run([python, "-m", "imgrec", "evaluate", "--json"], tmp_path))
    saved = json.loads((trained.path / "metrics.json").read_text())
    assert found["metrics"]["accuracy"] == saved["metrics"]["accuracy"]
    _run([python, "-m", "imgrec", "evaluate", "--report", "report.html"], tmp_path)
    assert (
        "tensorflow"
        not in json.loads(_run([python, "-m", "imgrec", "info", "--json"], tmp_path))["versions"]
    )
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _run([python, "-m", "imgrec", "evaluate", "--engine", "keras"], tmp_path)
    assert caught.value.returncode == 4


def _run(command: list[str], folder: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
