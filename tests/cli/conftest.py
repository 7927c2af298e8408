"""imgrec as a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("IMGREC_RUNS", "NO_COLOR", "FORCE_COLOR", "TERM", "LC_ALL", "PYTHONIOENCODING")
PLANTED = """
import os, signal, sys, time
from imgrec.cli.main import cli, main
from imgrec.cli.options import command

@command("planted")
def planted():
    {}

cli.add_command(planted)
main()
"""

Process = subprocess.CompletedProcess[str]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def start_in() -> Callable[[Path], Start]:
    """Return `starter`, for what lives longer than a test."""
    return starter


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let processes answer to Ctrl-C, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Return a function that starts `imgrec ARGUMENTS` in an empty folder.

    planted: the body of one more command, called `planted`.
    """
    return starter(tmp_path)


def starter(folder: Path) -> Start:
    """Return a function that starts `imgrec ARGUMENTS` in `folder`."""

    def run(
        *arguments: str, planted: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        code = ["-c", PLANTED.format(planted)] if planted else ["-m", "imgrec"]
        kept = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
        path = {"PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1", "COLUMNS": "80"}
        return subprocess.Popen(
            [sys.executable, *code, *arguments],
            cwd=folder,
            env={**kept, **path, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture
def imgrec(start: Start) -> Callable[..., Process]:
    """Return a function that runs `imgrec ARGUMENTS`, as `start` does, to its end."""

    def run(
        *arguments: str, planted: str = "", environment: Mapping[str, str] | None = None
    ) -> Process:
        process = start(*arguments, planted=planted, environment=environment)
        stdout, stderr = process.communicate(timeout=120)
        return Process(arguments, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder `photos` with two classes of 12 tiny images each."""
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (32, 24)).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Process]:
    """Return a runs folder that holds `digits-1`, and the process that trained it."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = ["train", "small_cnn", "--name", "digits", "--device", "cpu", "--json", "--profile"]
    process = starter(folder)(*arguments, "--set", "training.epochs=1")
    stdout, stderr = process.communicate(timeout=300)
    return folder / "runs", Process(process.args, process.returncode, stdout, stderr)
