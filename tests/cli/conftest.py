"""imgrec in this process, and in another."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT, Once
from tests.forks import ForkIn, Forks, StartFork

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
Imgrec = Callable[..., Process]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def start_in() -> Callable[[Path], Start]:
    """Return `starter`, for what lives longer than a test."""
    return starter


@pytest.fixture(scope="session")
def fork_in(forks: Forks) -> ForkIn:
    """Return what `starter` is, for processes that have TensorFlow loaded from the start."""

    def start_in(folder: Path) -> StartFork:
        return lambda *arguments: forks.run(folder, _environment(), "-m", "imgrec", *arguments)

    return start_in


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let processes answer to Ctrl-C, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def imgrec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Imgrec:
    """Return a function that runs `imgrec ARGUMENTS` in this process, in an empty folder.

    Most tests use it, as a process takes seconds to load TensorFlow; what a process does at its
    end, on a signal or with native output is tested with `process`.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in LEFT_OUT:
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            status = run_here(arguments)
        return Process(arguments, status, *capfd.readouterr())

    return run


def run_here(arguments: Sequence[str]) -> int:
    """Run `imgrec ARGUMENTS` as a new process would, and return its exit status."""
    from imgrec.cli.main import main

    if backend := sys.modules.get("imgrec.models.backend"):  # each process names its device
        for name in ("start", "_announce"):
            getattr(backend, name).cache_clear()
    log = logging.getLogger("imgrec")
    logging_before = log.level, log.propagate, log.handlers
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", sys.unraisablehook)
        for number, name in ((1, "stdout"), (2, "stderr")):
            stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            patch.setattr(sys, name, stream)
        try:
            main(arguments)
        except SystemExit as end:
            status = end.code
        finally:
            log.level, log.propagate, log.handlers = logging_before
            for each, handler in handlers.items():
                signal.signal(each, handler)
    assert isinstance(status, int)
    return status


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Return a function that starts `imgrec ARGUMENTS` in an empty folder.

    planted: the body of one more command, called `planted`.
    """
    return starter(tmp_path)


def starter(folder: Path) -> Start:
    """Return a function that starts `imgrec ARGUMENTS` in `folder`."""

    def run(
        *arguments: str, planted: str = "", environment: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        code = ["-c", PLANTED.format(planted)] if planted else ["-m", "imgrec"]
        return subprocess.Popen(
            [sys.executable, *code, *arguments],
            cwd=folder,
            env=_environment() | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    return kept | {"PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1", "COLUMNS": "80"}


@pytest.fixture
def fork(fork_in: ForkIn, tmp_path: Path) -> StartFork:
    """Return a function that starts `imgrec ARGUMENTS` in an empty folder, with TensorFlow."""
    return fork_in(tmp_path)


@pytest.fixture
def process(start: Start) -> Imgrec:
    """Return a function that runs `imgrec ARGUMENTS`, as `start` does, to its end."""

    def run(*arguments: str, **options: Any) -> Process:
        process = start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=600)
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
def trained(once: Once) -> tuple[Path, Process]:
    """Return a runs folder that holds `digits-1`, and the process that trained it."""
    arguments = ["train", "small_cnn", "--name", "digits", "--device", "cpu", "--json", "--profile"]
    arguments += ["--set", "training.epochs=1", "--set", "training.steps_per_epoch=10"]

    def train_it(folder: Path) -> None:
        process = starter(folder)(*arguments)
        answer = *process.communicate(timeout=900), process.returncode
        (folder / "answer.json").write_text(json.dumps(answer), "utf-8")

    folder = once("digits", train_it)
    stdout, stderr, status = json.loads((folder / "answer.json").read_text("utf-8"))
    return folder / "runs", Process(arguments, status, stdout, stderr)
