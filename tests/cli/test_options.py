"""Options that several commands share."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from syrupy.assertion import SnapshotAssertion

from imgrec.cli import options
from imgrec.cli.console import Console
from imgrec.config.load import load
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
    ("line", "message"),
    [
        ("explain x.jpg --class cat --class dog", "--class is given twice"),
        ("predict x.jpg --top 1 --json --top 1", "--top is given twice"),
        ("evaluate --map a=x --map a=y", "a is given twice\nhint: use --map a=x,y"),
        (
            "evaluate --max-drop brier=1 --max-drop brier=0",
            "brier is given twice; it takes one value",
        ),
        ("train small_cnn --set seed=1 --set seed=2", "seed is given twice"),
        (
            "evaluate --max-drop top_k_accuracy=0 --max-drop top_5_accuracy=1",
            "top_k_accuracy is given twice",
        ),
        ("evaluate --rotate 15 --rotate 30", "--rotate is given twice; it takes one value"),
    ],
)
def test_a_second_value_is_refused(line: str, message: str, imgrec: Imgrec) -> None:
    """The last one does not win silently."""
    process = imgrec(*line.split())
    assert process.returncode == 2
    assert message in process.stderr


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("predict --map a=x, y", "hint: write no space after a comma"),
        ("evaluate --rotate 15 30", "such as --rotate 15,30"),
    ],
)
def test_a_list_in_two_words_is_explained(line: str, hint: str, imgrec: Imgrec) -> None:
    """The shell makes an argument of what was meant as a part of the list."""
    assert hint in imgrec(*line.split()).stderr


@pytest.mark.parametrize(
    "line",
    [
        "predict x.jpg --output x.xlsx",
        "predict x.jpg --output answers",
        "data preview small_cnn --output x.jpg",
        "init photos --output x.json",
        "config copy small_cnn x.txt",
    ],
)
@pytest.mark.usefixtures("photos")
def test_an_unknown_suffix_is_refused(
    line: str, imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """The message names those that there are, and nothing is written."""
    process = imgrec(*line.split())
    assert process.returncode == 2
    assert transcript(process) == snapshot
    assert [each.name for each in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--epochs 3", "training.epochs=3"),
        ("--batch-size=8", "data.batch_size=8"),
        ("--seed 7", "seed=7"),
        ("--lr 0.1", "'training.optimizer={Adam: {learning_rate: 0.1}}'"),
    ],
)
def test_an_option_that_is_a_setting(option: str, setting: str, imgrec: Imgrec) -> None:
    """The hint says which `--set` does it, and the config takes it."""
    process = imgrec("train", "small_cnn", *option.split())
    assert process.returncode == 2
    assert process.stderr == (
        f"imgrec: error: there is no option {re.split('[ =]', option)[0]}\n"
        f"hint: use --set {setting}\n"
    )
    load("small_cnn", [setting.strip("'")])


@pytest.mark.parametrize("line", ["predict x.jpg --epochs 3", "train small_cnn --epoch 3"])
def test_an_option_that_is_no_setting(line: str, imgrec: Imgrec) -> None:
    """Where there is no `--set` or no such key, the hint names the help."""
    assert "there is no option" in imgrec(*line.split()).stderr


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("init photos", "photos.yaml"),
        ("init photos --output named.yaml", "named.yaml"),
        ("config copy small_cnn", "small_cnn.yaml"),
        ("config copy small_cnn named.yaml", "named.yaml"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_no_config_is_replaced(line: str, file: str, imgrec: Imgrec, tmp_path: Path) -> None:
    """People edit configs: one that exists stays as it is."""
    (tmp_path / file).write_text("old")
    assert imgrec(*line.split()).returncode == 2
    assert (tmp_path / file).read_text() == "old"


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
