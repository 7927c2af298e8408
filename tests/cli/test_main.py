"""The group of commands: help, wrong usage, completion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from syrupy.assertion import SnapshotAssertion

from imgrec.cli.main import SHORT_HELP, cli
from tests.cli.transcript import settled

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]

HEAVY = "tensorflow", "keras", "sklearn", "matplotlib", "numpy", "pydantic", "rich", "PIL", "yaml"


def all_commands() -> list[str]:
    """Return every command with the group it is in, as `config list`."""
    context = click.Context(cli)
    names = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        names += [name, *(f"{name} {each}" for each in inner)]
    return names


def test_help_is_whole(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """The help names every command."""
    process = imgrec("--help")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == snapshot


def test_short_help_is_the_commands_own() -> None:
    """The list in the group's help is static and equals what each command says."""
    context = click.Context(cli)
    for name, text in SHORT_HELP.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert (command.help or "").split("\n")[0] == text


@pytest.mark.parametrize("name", all_commands())
def test_help_of_each_command(name: str, imgrec: Imgrec) -> None:
    """Each command's help has a sentence, an example of itself, and --traceback."""
    process = imgrec(*name.split(), "--help")
    assert process.returncode == 0
    assert process.stdout.startswith(f"Usage: imgrec {name} ")
    assert f"imgrec {name}" in process.stdout.split("Example:")[1]
    assert "--traceback" in process.stdout
    assert process.stderr == ""


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    """No help loads TensorFlow, nor anything else that takes its time."""
    lines = [["--help"], *([*name.split(), "--help"] for name in all_commands())]
    code = f"""
import sys
from imgrec.cli.main import main
for line in {lines!r}:
    try:
        main(line)
    except SystemExit:
        print(line, sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": ".", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stderr.splitlines() == [f"{line} []" for line in lines]


def test_version(imgrec: Imgrec) -> None:
    """--version answers with the name and the version."""
    import imgrec as package

    process = imgrec("--version")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == f"imgrec, version {package.__version__}\n"


def test_no_command_shows_the_help(imgrec: Imgrec) -> None:
    """Without a command the help comes on stderr, with exit status 2."""
    process = imgrec()
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == imgrec("--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["trian"], id="near"),
        pytest.param(["x\x1b[31m"], id="far"),
        pytest.param(["runs", "list", "--jsn"], id="option"),
        pytest.param(["runs", "list", "--sort"], id="value"),
        pytest.param(["token", "add", "tokens.json"], id="choices"),
    ],
)
def test_wrong_usage_is_2(
    arguments: list[str], imgrec: Imgrec, snapshot: SnapshotAssertion
) -> None:
    """What Click refuses is one line, a hint and exit status 2."""
    process = imgrec(*arguments)
    assert process.returncode == 2
    assert settled(process.stderr) == snapshot
    assert process.stdout == ""


def test_a_path_that_is_too_long(imgrec: Imgrec) -> None:
    """It is no bug, and the hint says how long a path may be."""
    process = imgrec("config", "show", "a" * 300)
    assert process.returncode == 4
    assert process.stderr.endswith(
        ": File name too long\n"
        "hint: check the path: each name in it has at most 255 bytes, and the whole path 4,096\n"
    )


def test_completion_script(imgrec: Imgrec) -> None:
    """The script that a shell asks for comes with exit status 0, an unknown shell gives 2."""
    process = imgrec(environment={"_IMGREC_COMPLETE": "zsh_source"})
    assert process.returncode == 0
    assert process.stdout.startswith("#compdef imgrec\n")
    assert imgrec(environment={"_IMGREC_COMPLETE": "dos_source"}).returncode == 2


def test_completion_of_a_word(imgrec: Imgrec) -> None:
    """Commands and options are completed."""
    words = {"_IMGREC_COMPLETE": "bash_complete", "COMP_WORDS": "imgrec runs l", "COMP_CWORD": "2"}
    assert imgrec(environment=words).stdout == "plain,list\n"


def test_completion_without_words(imgrec: Imgrec) -> None:
    """Nothing is completed if the shell's function did not ask."""
    process = imgrec(environment={"_IMGREC_COMPLETE": "bash_complete"})
    assert (process.returncode, process.stdout, process.stderr) == (2, "", "")
