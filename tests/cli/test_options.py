"""Options that several commands share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from syrupy.assertion import SnapshotAssertion

from imgrec.cli import options
from imgrec.cli.console import Console
from tests.cli.transcript import transcript

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


@options.command("echo")
@options.device
@options.overrides
@options.runs_dir
@options.as_json
def echo(device: str, overrides: tuple[str, ...], runs_dir: Path, *, as_json: bool) -> None:
    """Print what was given."""
    click.echo(f"{device} {overrides} {runs_dir} {as_json}")


@pytest.mark.parametrize("device", ["auto", "cpu", "gpu", "gpu:0", "gpu:0,1"])
def test_devices(device: str) -> None:
    """A device is auto, cpu, gpu, or gpus by number."""
    assert CliRunner().invoke(echo, ["--device", device]).output.startswith(f"{device} ")


@pytest.mark.parametrize("device", ["", "tpu", "gpu:", "gpu:a", "gpu:0,", "CPU", "gpu:-1"])
def test_wrong_devices(device: str, imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """Any other device is refused before anything is loaded."""
    process = imgrec("train", "small_cnn", "--device", device)
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_overrides_come_in_order() -> None:
    """--set may be repeated."""
    result = CliRunner().invoke(echo, ["--set", "a=1", "--set", "b=2"])
    assert "('a=1', 'b=2')" in result.output


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {"IMGREC_RUNS": None}, "runs"),
        ([], {"IMGREC_RUNS": "elsewhere"}, "elsewhere"),
        (["--runs-dir", "here"], {"IMGREC_RUNS": "elsewhere"}, "here"),
    ],
)
def test_runs_folder(
    arguments: list[str], environment: dict[str, str | None], expected: str
) -> None:
    """The runs folder is the option's, else the environment's, else ./runs."""
    result = CliRunner().invoke(echo, arguments, env=environment)
    assert result.output == f"auto () {expected} False\n"


def test_traceback_is_remembered() -> None:
    """--traceback reaches the console, and no command has to know of it."""
    console = Console()
    CliRunner().invoke(echo, ["--traceback"], obj=console)
    assert console.traceback
