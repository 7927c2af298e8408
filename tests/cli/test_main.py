"""The group of commands, and the exit status of each way to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from imgrec.cli.main import SHORT_HELP, cli

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Start = Callable[..., subprocess.Popen[str]]

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
  init      Write a config for a folder of images.
  config    Look at the shipped configs.
  runs      Look at the trainings done so far.
  info      Show versions, devices and what is fast on this machine.

  Completion in bash: eval "$(_IMGREC_COMPLETE=bash_source imgrec)", or
  zsh_source, fish_source.
""",
        "",
    )


def test_help_is_fast(imgrec: Imgrec) -> None:
    """The help answers in under 0.2 seconds, in the best of five runs."""
    durations = []
    for _ in range(5):
        begin = time.perf_counter()
        imgrec("--help")
        durations.append(time.perf_counter() - begin)
    assert min(durations) < 0.2


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
            "imgrec: error: there is no command trian; did you mean train?\n"
            "hint: `imgrec --help` shows what is allowed\n",
        ),
        (
            ["x\x1b[31m"],
            "imgrec: error: there is no command x\\x1b[31m; there are train, evaluate, predict, "
            "init, config, runs, info\nhint: `imgrec --help` shows what is allowed\n",
        ),
        (
            ["runs", "list", "--jsn"],
            "imgrec: error: No such option '--jsn'. Did you mean '--json'?\n"
            "hint: `imgrec runs list --help` shows what is allowed\n",
        ),
    ],
)
def test_wrong_usage_is_2(arguments: list[str], message: str, imgrec: Imgrec) -> None:
    """What Click refuses is one line, a hint and exit status 2."""
    assert error(imgrec(*arguments)) == (2, "", message)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("from imgrec.errors import UsageError; raise UsageError('no', hint='yes')", 2, "no"),
        ("from imgrec.errors import ConfigError; raise ConfigError('no', hint='yes')", 2, "no"),
        ("from imgrec.errors import BadImage; raise BadImage('a.png', 'no')", 3, "a.png: no"),
        ("from imgrec.errors import RunError; raise RunError('no', hint='yes')", 4, "no"),
    ],
)
def test_errors_have_their_status(body: str, status: int, message: str, imgrec: Imgrec) -> None:
    """Each error a user can mend ends with its own exit status, its message and its hint."""
    hint = "hint: yes\n" if "yes" in body else ""
    process = imgrec("planted", planted=body)
    assert error(process) == (status, "", f"imgrec: error: {message}\n{hint}")


def test_errors_of_many_lines(imgrec: Imgrec) -> None:
    """A message keeps its own lines; what could steer the terminal is escaped."""
    body = r"from imgrec.errors import ConfigError; raise ConfigError('one\ntwo \x1b[2J')"
    process = imgrec("planted", planted=body)
    assert error(process) == (2, "", "imgrec: error: one\ntwo \\x1b[2J\n")


def test_a_bug_is_70(imgrec: Imgrec) -> None:
    """An unexpected exception is one line, a hint at --traceback, and exit status 70."""
    process = imgrec("planted", planted="raise TypeError('odd')")
    assert error(process) == (
        70,
        "",
        "imgrec: error: unexpected TypeError: odd\n"
        "hint: this is a bug in imgrec; the same command with --traceback shows where\n",
    )


def test_an_end_of_file_is_no_interrupt(imgrec: Imgrec) -> None:
    """An EOFError is a bug like others, though Click takes it for Ctrl-C."""
    assert imgrec("planted", planted="raise EOFError").returncode == 70


@pytest.mark.parametrize("arguments", [["--traceback", "planted"], ["planted", "--traceback"]])
def test_traceback_is_shown_where_asked(arguments: list[str], imgrec: Imgrec) -> None:
    """--traceback is taken before and after the command, and shows where it happened."""
    process = imgrec(*arguments, planted="raise TypeError('odd')")
    assert process.returncode == 70
    assert process.stderr.startswith("Traceback (most recent call last):\n")
    assert "in planted\n" in process.stderr
    assert "imgrec: error: unexpected TypeError: odd\n" in process.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ENOSPC", "No space left on device\nhint: free some space, or write somewhere else\n"),
        (
            "EACCES",
            "Permission denied\nhint: the same command with --traceback shows where it happened\n",
        ),
    ],
)
def test_a_failing_disk_is_4(name: str, message: str, imgrec: Imgrec) -> None:
    """An error of the file system is told with the file's name, and exit status 4."""
    body = f"import errno; raise OSError(errno.{name}, os.strerror(errno.{name}), 'f')"
    assert error(imgrec("planted", planted=body)) == (4, "", f"imgrec: error: f: {message}")


@pytest.mark.parametrize("body", ["raise KeyboardInterrupt", "import click; raise click.Abort"])
def test_an_interrupt_is_130(body: str, imgrec: Imgrec) -> None:
    """Ctrl-C and a question left unanswered end with 130."""
    assert error(imgrec("planted", planted=body)) == (130, "", "imgrec: error: interrupted\n")


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_signals(number: signal.Signals, status: int, message: str, start: Start) -> None:
    """A signal in the middle of work ends it with 128 + its number, without a traceback."""
    process = start("planted", planted="print('ready', flush=True); time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (status, f"imgrec: error: {message}\n")


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_broken_pipe_is_quietly_0(size: int, start: Start) -> None:
    """A reader that goes away is no error, be it noticed while printing or at the end."""
    body = f"sys.stdin.read(); import click; click.echo('x' * {size})"
    process = start("planted", planted=body)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (0, "")


def test_a_closed_stderr_stops_no_work(start: Start) -> None:
    """A log that nobody reads any more is dropped, and the work goes on to its end."""
    body = (
        "import logging, click; sys.stdin.read(); log = logging.getLogger('imgrec'); "
        "log.info('x'); log.info('y'); click.echo('done')"
    )
    process = start("planted", planted=body)
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    stdout, _ = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (0, "done\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_below_stdout_is_4(tmp_path: Path) -> None:
    """Output that can't be written is an error, even where it shows only at the end."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = subprocess.run(
            [sys.executable, "-m", "imgrec", "--help"],
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (process.returncode, process.stderr) == (
        4,
        "imgrec: error: No space left on device\nhint: free some space, or write somewhere else\n",
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
