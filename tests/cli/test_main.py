"""The group of commands: help, wrong usage, completion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from imgrec.cli.main import SHORT_HELP, cli

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


def error(process: Process) -> tuple[int, str, str]:
    """Return the exit status and all that was printed."""
    return process.returncode, process.stdout, process.stderr


def test_help_is_whole(imgrec: Imgrec) -> None:
    """The help names every command."""
    process = imgrec("--help")
    assert error(process) == (
        0,
        """\
Usage: imgrec [OPTIONS] COMMAND [ARGS]...

  Train, evaluate and use image classifiers.

  Example: imgrec train small_cnn

Options:
  --version    Show the version and exit.
  --help       Show this message and exit.
  --traceback  Show the Python traceback of an error.

Commands:
  train     Train a model from a config, or go on with a run.
  evaluate  Measure a run on images whose classes are known.
  predict   Say what is on photos.
  explain   Show where in photos a class is.
  export    Write a run's best model as a file that other programs run.
  import    Make a run of a model file of your own.
  check     Look for what is wrong with images before training on them.
  init      Write a config for a folder of images.
  data      Look at the images of a config, or pack them into few files.
  config    Look at the shipped configs.
  runs      Look at the trainings done so far.
  info      Show versions, devices and what is fast on this machine.

  Completion in bash: eval "$(_IMGREC_COMPLETE=bash_source imgrec)", or
  zsh_source, fish_source.
""",
        "",
    )


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


@pytest.mark.parametrize("line", ["--help", *(f"{name} --help" for name in all_commands())])
def test_help_loads_nothing_heavy(line: str, tmp_path: Path) -> None:
    """No help loads TensorFlow, nor anything else that takes its time."""
    code = f"""
import sys
from imgrec.cli.main import main
try:
    main({line.split()!r})
finally:
    print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": ".", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stderr == "[]\n"


def test_version(imgrec: Imgrec) -> None:
    """--version answers with the name and the version."""
    import imgrec as package

    assert error(imgrec("--version")) == (0, f"imgrec, version {package.__version__}\n", "")


def test_no_command_shows_the_help(imgrec: Imgrec) -> None:
    """Without a command the help comes on stderr, with exit status 2."""
    process = imgrec()
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == imgrec("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["trian"],
            (
                "imgrec: error: there is no command trian; did you mean train?\n"
                "hint: `imgrec --help` shows what is allowed\n"
            ),
        ),
        (
            ["x\x1b[31m"],
            (
                "imgrec: error: there is no command x\\x1b[31m; there are train, evaluate, "
                "predict, explain, export, import, check, init, data, config, runs, info\n"
                "hint: `imgrec --help` shows what is allowed\n"
            ),
        ),
        (
            ["runs", "list", "--jsn"],
            (
                "imgrec: error: No such option '--jsn'. Did you mean '--json'?\n"
                "hint: `imgrec runs list --help` shows what is allowed\n"
            ),
        ),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], message: str, imgrec: Imgrec) -> None:
    """What Click refuses is one line, a hint and exit status 2."""
    assert error(imgrec(*arguments)) == (2, "", message)


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
