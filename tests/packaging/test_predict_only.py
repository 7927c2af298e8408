"""A machine with requirements-predict.txt evaluates a run that was brought there, or trains one."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from imgrec.models.packaged_weights import packaged_weights
from imgrec.runs.folder import Run
from tests.conftest import needs_weights, write_bright_and_dark

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
# What docs/ci.md says to copy.
BROUGHT = ("card.json", "config.yaml", "images.csv", "model.tflite")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment that the two install commands of docs/ci.md made."""
    folder = tmp_path_factory.mktemp("light")
    _run([sys.executable, "-m", "venv", str(folder / "venv")], folder)
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    lock = str(PROJECT / "requirements-predict.txt")
    _run([*pip, "--require-hashes", "--requirement", lock], folder)
    _run([*pip, "--no-deps", str(PROJECT)], folder)
    return python


def test_a_machine_without_tensorflow_predicts_and_evaluates(
    trained: Run, python: str, tmp_path: Path
) -> None:
    """From four files of a run."""
    (tmp_path / "runs" / "tiny-1").mkdir(parents=True)
    for name in BROUGHT:
        shutil.copy(trained.path / name, tmp_path / "runs" / "tiny-1")
    assert sum(file.stat().st_size for file in tmp_path.rglob("tiny-1/*")) < 20_000_000
    Image.new("L", (8, 8), 200).save(tmp_path / "photo.png")

    imgrec = [python, "-m", "imgrec"]
    assert json.loads(_run([*imgrec, "predict", "photo.png", "--json"], tmp_path))
    found = json.loads(_run([*imgrec, "evaluate", "--json"], tmp_path))
    saved = json.loads((trained.path / "metrics.json").read_text())
    assert found["metrics"]["accuracy"] == saved["metrics"]["accuracy"]
    _run([*imgrec, "evaluate", "--report", "report.html"], tmp_path)
    assert "tensorflow" not in json.loads(_run([*imgrec, "info", "--json"], tmp_path))["versions"]
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _run([*imgrec, "evaluate", "--engine", "keras"], tmp_path)
    assert caught.value.returncode == 4


@needs_weights
def test_a_machine_without_tensorflow_trains_quickly(python: str, tmp_path: Path) -> None:
    """With the package of the weights; the run is evaluated there, and photos are searched."""
    weights = packaged_weights("EfficientNetLite0")
    assert weights is not None
    write_bright_and_dark(tmp_path / "photos", 12, 64)
    environment = {"PYTHONPATH": str(tmp_path / "site"), "IMGREC_CACHE": str(tmp_path / "cache")}
    file = tmp_path / "site" / weights.package / weights.file
    file.parent.mkdir(parents=True)
    installed = importlib.util.find_spec(weights.package)
    assert installed is not None
    assert installed.submodule_search_locations is not None
    shutil.copy(Path(installed.submodule_search_locations[0]) / weights.file, file)
    (tmp_path / "site" / weights.package / "__init__.py").touch()

    imgrec = [python, "-m", "imgrec"]
    plan = _run(
        [*imgrec, "train", "photos", "--quick", "--dry-run", "--json"], tmp_path, **environment
    )
    assert json.loads(plan)["network"] is None
    trained = _run([*imgrec, "train", "photos", "--quick", "--json"], tmp_path, **environment)
    found = json.loads(_run([*imgrec, "evaluate", "--json"], tmp_path))
    assert found["metrics"] == json.loads(trained)["metrics"]
    similar = [*imgrec, "similar", "photos/dark/00.png", "--in", "photos", "--json"]
    first, *_ = json.loads(_run(similar, tmp_path, **environment))["similar"]
    assert first["identical"]


def _run(command: list[str], folder: Path, **more: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | more
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
