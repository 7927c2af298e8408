"""The commands of docs/tutorials.md are those that imgrec has, and run, at a small size."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from imgrec.config import shipped
from imgrec.config.load import load
from imgrec.models.packaged_weights import is_installed
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs/tutorials.md").read_text("utf-8")
SECTIONS = {
    title: "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
SET_UP, *TUTORIALS = SECTIONS
# As few as imgrec takes, in place of the numbers of the page.
SMALL = {
    r"--images \d+": "--images 4",
    r"--pictures \d+": "--pictures 24",
    r">= 0\.\d+": ">= 0",
}
DOWNLOADED = {"vgg16_transfer"}


def test_there_are_five_tutorials() -> None:
    """Each has commands."""
    assert SET_UP == "Set-up"
    assert len(TUTORIALS) == 5
    assert all(SECTIONS.values())


@pytest.mark.parametrize("title", TUTORIALS)
def test_settings_of_shipped_configs_exist(title: str) -> None:
    """Every `--set` is one that the config takes."""
    for command in commands(SECTIONS[title]):
        for name in {*command} & {*shipped.names()}:
            load(name, settings(command))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone after the page's set-up, with fewer images."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "build").mkdir()
    (draw,) = [each for each in commands(SECTIONS[SET_UP]) if "tools.tutorial_images" in each]
    run(folder, [*draw, "--images", "24"])
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("title", TUTORIALS)
def test_commands_run(workplace: Path, title: str) -> None:
    """All of a tutorial, one after the other; one epoch each, and nothing is downloaded."""
    for command in commands(SECTIONS[title]):
        if "--pretrained" not in command or is_installed("EfficientNetLite0"):
            run(workplace, in_small(command))


def commands(script: str) -> list[list[str]]:
    """Return the commands of a script, as words."""
    lines = (shlex.split(line, comments=True) for line in script.replace("\\\n", "").splitlines())
    return [words for words in lines if words]


def settings(command: list[str]) -> list[str]:
    """Return the values of `--set`."""
    return [value for name, value in itertools.pairwise(command) if name == "--set"]


def in_small(command: list[str]) -> list[str]:
    """Return a command that trains for an epoch, with random weights, and writes few images."""
    text = shlex.join(command)
    for pattern, few in SMALL.items():
        text = re.sub(pattern, few, text)
    if command[:2] != ["imgrec", "train"]:
        return shlex.split(text)
    text = re.sub(r" --set training.epochs=\d+", "", text) + " --set training.epochs=1"
    if {*command} & DOWNLOADED:
        text += " --set model.backbone.weights=null"
    return shlex.split(text)


def run(folder: Path, command: list[str]) -> None:
    """Run a command with this Python, in a folder."""
    program, *arguments = command
    start = {"imgrec": [sys.executable, "-m", "imgrec"], "python": [sys.executable]}[program]
    ended = subprocess.run(
        [*start, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{shlex.join(command)}\n{ended.stderr}"
