"""A machine with requirements-serve.txt serves a run that was brought there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgrec.runs.folder import Run
from tests.serve.running import Running, drawn

PROJECT = Path(__file__).resolve().parents[2]
_MEGABYTES = 250


@pytest.mark.slow
def test_the_smaller_light_set_serves(trained: Run, tmp_path: Path) -> None:
    """It predicts, explains and serves from two files of a run, and takes at most 250 MB."""
    home = tmp_path / "venv"
    _run([sys.executable, "-m", "venv", "--without-pip", str(home)], tmp_path)
    python, site = str(home / "bin" / "python"), next(home.glob("lib/python3*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    lock = str(PROJECT / "requirements-serve.txt")
    _run([*pip, "install", "--quiet", "--require-hashes", "--requirement", lock], tmp_path)
    _run([*pip, "install", "--quiet", "--no-deps", str(PROJECT)], tmp_path)
    assert sum(file.stat().st_size for file in site.rglob("*")) < _MEGABYTES * 10**6
    (tmp_path / "runs" / "tiny-1").mkdir(parents=True)
    for name in ("card.json", "model.tflite"):
        shutil.copy(trained.path / name, tmp_path / "runs" / "tiny-1")
    (tmp_path / "photo.png").write_bytes(drawn(1))

    predicted = json.loads(
        _run([python, "-m", "imgrec", "predict", "photo.png", "--json"], tmp_path)
    )
    explain = ["explain", "photo.png", "--method", "occlusion", "--json"]
    explained = json.loads(_run([python, "-m", "imgrec", *explain], tmp_path))
    with Running([], tmp_path, python=python) as service:
        found = service.classify(drawn(1), "?explain=occlusion").document
        assert service.end() == 0
    assert found["predictions"][0]["top"] == predicted["predictions"][0]["top"]
    boxes = [document["explanations"][0]["boxes"] for document in (found["explanation"], explained)]
    assert boxes[0] == boxes[1]


def _run(command: list[str], folder: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
