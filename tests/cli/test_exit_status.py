"""The exit status of each way to end, seen in real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Start = Callable[..., subprocess.Popen[str]]


def error(process: Process) -> tuple[int, str, str]:
    """Return the exit status and all that was printed."""
    return process.returncode, process.stdout, process.stderr


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("from imgrec.errors import UsageError; raise UsageError('no', hint='yes')", 2, "no"),
        ("from imgrec.errors import ConfigError; raise ConfigError('no', hint='yes')", 2, "no"),
        ("from imgrec.errors import BadImage; raise BadImage('a.png', 'no')", 3, "a.png: no"),
        ("from imgrec.errors import RunError; raise RunError('no', hint='yes')", 4, "no"),
    ],
)
def test_errors_have_their_status(body: str, status: int, message: str, process: Imgrec) -> None:
    """Each error that a user can fix ends with its exit status, message and hint."""
    hint = "hint: yes\n" if "yes" in body else ""
    done = process("planted", planted=body)
    assert error(done) == (status, "", f"imgrec: error: {message}\n{hint}")


def test_errors_of_many_lines(process: Imgrec) -> None:
    """A message keeps its own lines; what could steer the terminal is escaped."""
    body = r"from imgrec.errors import ConfigError; raise ConfigError('one\ntwo \x1b[2J')"
    done = process("planted", planted=body)
    assert error(done) == (2, "", "imgrec: error: one\ntwo \\x1b[2J\n")


def test_a_bug_is_70(process: Imgrec) -> None:
    """An unexpected exception is one line, a hint at --traceback, and exit status 70."""
    done = process("planted", planted="raise TypeError('odd')")
    assert error(done) == (
        70,
        "",
        (
            "imgrec: error: unexpected TypeError: odd\n"
            "hint: this is a bug in imgrec; the same command with --traceback shows where\n"
        ),
    )


@pytest.mark.parametrize(
    "body",
    [
        "MemoryError",
        'RuntimeError("can\'t start new thread")',
        'ImportError("x.so: failed to map segment from shared object")',
    ],
)
def test_limits_of_the_system_are_not_bugs(body: str, process: Imgrec) -> None:
    """Without memory or threads, the cause is named, with exit status 4."""
    done = process("planted", planted=f"raise {body}")
    assert done.returncode == 4
    assert done.stderr.startswith("imgrec: error: the system has no more memory or threads\nhint: ")


def test_an_end_of_file_is_not_an_interrupt(process: Imgrec) -> None:
    """An EOFError is a bug like others, though Click takes it for Ctrl-C."""
    assert process("planted", planted="raise EOFError").returncode == 70


@pytest.mark.parametrize("arguments", [["--traceback", "planted"], ["planted", "--traceback"]])
def test_traceback_is_shown_where_asked(arguments: list[str], process: Imgrec) -> None:
    """--traceback is taken before and after the command, and shows where it happened."""
    done = process(*arguments, planted="raise TypeError('odd')")
    assert done.returncode == 70
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert "in planted\n" in done.stderr
    assert "imgrec: error: unexpected TypeError: odd\n" in done.stderr


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
def test_a_failing_disk_is_4(name: str, message: str, process: Imgrec) -> None:
    """An error of the file system has the file's name, and exit status 4."""
    body = f"import errno; raise OSError(errno.{name}, os.strerror(errno.{name}), 'f')"
    assert error(process("planted", planted=body)) == (4, "", f"imgrec: error: f: {message}")


@pytest.mark.parametrize("body", ["raise KeyboardInterrupt", "import click; raise click.Abort"])
def test_an_interrupt_is_130(body: str, process: Imgrec) -> None:
    """Ctrl-C and a question left unanswered end with 130."""
    assert error(process("planted", planted=body)) == (130, "", "imgrec: interrupted\n")


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
    assert (process.returncode, stderr) == (status, f"imgrec: {message}\n")


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_in_a_destructor_is_not_lost(name: str, status: int, process: Imgrec) -> None:
    """Python swallows what is raised in a destructor; the done ends all the same."""
    body = (
        f"kill = lambda self: os.kill(os.getpid(), signal.{name}); "
        "thing = type('Thing', (), {'__del__': kill})(); del thing; time.sleep(60)"
    )
    done = process("planted", planted=body)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_broken_pipe_is_quietly_0(size: int, start: Start) -> None:
    """A reader that goes away is not an error, whether while printing or at the end."""
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


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """What a library writes to stderr would end up in it."""
    code = (
        "import os\n"
        "os.closerange(0, 3)\n"
        "from imgrec.cli.main import main\n"
        "try:\n"
        "    main(['--version'])\n"
        "finally:\n"
        "    with open('number', 'w') as file: file.write(str(file.fileno()))\n"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    assert int((tmp_path / "number").read_text(encoding="utf-8")) > 2


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
