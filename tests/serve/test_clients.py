"""Libraries that ask other services ask this one, as their documentation shows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgrec.runs.folder import Run
from tests.serve.serving import predicted, service

CLIENTS = Path(__file__).parent / "clients"
MINUTES = 10


def installed(name: str, folder: Path) -> Path:
    """Return the Python of a new environment with a library at its locked version."""
    lock = CLIENTS / f"requirements-{name}.txt"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    command = [*pip, "--require-hashes", "--requirement", lock]
    subprocess.run(command, check=True, timeout=60 * MINUTES)
    return python


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["google-cloud-vision", "huggingface-hub", "kserve", "requests", "tritonclient"]
)
def test_a_client_receives_what_predict_says(name: str, colour_run: Run, tmp_path: Path) -> None:
    """Every label with its probability, to 1e-6, as a protocol may round to float32."""
    photo = colour_run.path.parents[1] / "photos" / "red" / "00.png"
    [expected] = predicted([colour_run], [photo])
    python = installed(name, tmp_path / "environment")
    script = CLIENTS / f"ask_{name}.py"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    with service({colour_run.name: [colour_run]}, tmp_path) as host:
        done = subprocess.run(
            [python, script, host, colour_run.name, photo],
            env=environment,
            cwd=tmp_path,
            check=True,
            stdout=subprocess.PIPE,
            timeout=60 * MINUTES,
        )

    answers = json.loads(done.stdout)
    assert answers
    for answer in answers:
        assert dict(answer) == pytest.approx(
            {label: expected[label] for label, _ in answer}, abs=1e-6
        )
        best, _ = max(answer, key=lambda pair: pair[1])
        assert best == max(expected, key=lambda label: expected[label])
