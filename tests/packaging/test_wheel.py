"""The wheel, built and installed where nothing but its own needs is."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import click
import pytest

import imgrec
from imgrec.cli.main import cli
from tools.docs import contexts

PROJECT = Path(__file__).resolve().parents[2]
HELP = """
import sys
from imgrec.cli.main import main
for command in sys.argv[1:]:
    try:
        main([*command.split()[1:], "--help"])
    except SystemExit as end:
        assert not end.code, command
"""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the build backend that is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    built = run(sys.executable, "-m", "pip", "wheel", *options, str(PROJECT))
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of an environment that holds the wheel and Click, no more."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=os.name != "nt")
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python")]
    install = [*pip, "install", "--quiet", "--no-deps"]
    if run(*install, f"click=={importlib.metadata.version('click')}").returncode != 0:
        pytest.skip("pip can't fetch click for the bare environment (no network?)")
    installed = run(*install, str(wheel))
    assert installed.returncode == 0, installed.stderr
    return programs


def test_wheel_holds_configs_and_templates(wheel: Path) -> None:
    """Every shipped config and every file of the package is in the wheel, tests and tools not."""
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f"imgrec/configs/{path.name}" for path in (PROJECT / "configs").glob("*.yaml")}
    package = {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "imgrec").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert configs
    assert configs | package == {name for name in names if name.startswith("imgrec/")}
    assert {name.split("/")[0] for name in names} == {
        "imgrec",
        f"imgrec-{imgrec.__version__}.dist-info",
    }


def test_version_of_a_bare_install(bare: Path) -> None:
    """`imgrec --version` names the version that the wheel carries."""
    answer = run(str(bare / "imgrec"), "--version")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == f"imgrec, version {imgrec.__version__}\n"


def test_help_of_every_command_in_a_bare_install(bare: Path) -> None:
    """No command's `--help` needs more than Click: the slow libraries may even be missing."""
    found = contexts(click.Context(cli, info_name="imgrec"))
    commands = [context.command_path for context in found]
    answer = run(str(bare / "python"), "-c", HELP, *commands)
    assert (answer.returncode, answer.stderr) == (0, "")
    for command in commands:
        assert f"Usage: {command} " in answer.stdout


def test_module_is_the_same_as_the_command(bare: Path) -> None:
    """`python -m imgrec` answers as `imgrec` does."""
    module = run(str(bare / "python"), "-m", "imgrec", "--help")

    assert module.returncode == 0
    assert module.stdout == run(str(bare / "imgrec"), "--help").stdout


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command away from the checkout, so that only what is installed is found."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        command,
        cwd=Path(sys.prefix).anchor,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
