"""What is printed where, and how it looks on a terminal."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.cli.console import Console, rendered

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Captured = pytest.CaptureFixture[str]

WORK = """
import logging, time
from imgrec.cli.console import Console
console = Console()
with console.task("epoch [1/2]", 2, "epochs") as outer, console.task("train", 3) as inner:
    console.pin(["trial  accuracy", f"1      95.0 %  {'much' * 30}"])
    inner.advance(2)
    logging.getLogger("imgrec").info("epoch 1: loss 0.5 [red]")
    time.sleep(0.3)
    inner.advance(0, "loss 0.5 [bold]")
    time.sleep(0.3)
    inner.advance()
    outer.advance(1, "val_loss 0.4")
console.result("done")
"""


REFUSED = """
from imgrec.cli.main import main
try:
    main({})
except SystemExit as end:
    assert end.code == 3
"""


def on_a_terminal(code: str, **environment: str) -> str:
    """Return all that Python prints where stdin, stdout and stderr are one terminal."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    ours, theirs = pty.openpty()
    paths = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={"TERM": "xterm", "COLUMNS": "100", **paths, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    content = io.BytesIO()
    try:
        while chunk := os.read(ours, 4096):
            content.write(chunk)
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait(20) == 0
    return content.getvalue().decode()


def test_a_photo_that_fails_is_named_once(tmp_path: Path, trained: tuple[Path, Process]) -> None:
    """On a terminal, where the reason stands below the table, the error does not repeat it."""
    (tmp_path / "bad.png").write_bytes(b"no image")
    arguments = ["predict", str(tmp_path / "bad.png"), "--runs-dir", str(trained[0])]
    shown = on_a_terminal(REFUSED.format(arguments))
    assert shown.count("not an image") == 1
    assert "error: 1 of 1 photo can't be used\r\n" in shown


def test_results_on_stdout_and_the_rest_on_stderr(capsys: Captured) -> None:
    """Results go to stdout; remarks, logs and errors to stderr."""
    console = Console()
    console.result("result\n")
    console.say("remark")
    logging.getLogger("imgrec.data").warning("warned of %s", "a\tb")
    logging.getLogger("imgrec").debug("never seen")
    console.error("failed", "fix it", ValueError())
    assert capsys.readouterr() == (
        "result\n",
        "remark\nwarned of a\\tb\nimgrec: error: failed\nhint: fix it\n",
    )


def test_document(capsys: Captured) -> None:
    """A document is one JSON object, in ASCII."""
    Console().document({"schema_version": 1, "name": "é\udcff"})
    output = capsys.readouterr().out
    assert output == '{\n  "schema_version": 1,\n  "name": "\\u00e9\\udcff"\n}\n'
    assert json.loads(output)["name"] == "é\udcff"


def test_table(capsys: Captured) -> None:
    """Columns are aligned, nothing trails, and names can't steer the terminal."""
    Console().table(("name", "count"), [("cat", "1"), ("a\nb\x1b[2J", "12"), ("", "")])
    assert capsys.readouterr().out == "name         count\ncat          1\na\\nb\\x1b[2J  12\n\n"


def test_long_texts_are_shown_without_their_middle(capsys: Captured) -> None:
    """A megabyte in a file is not one on the terminal: its beginning and its end are shown."""
    console = Console()
    console.error(f"cat {'a' * 2**20} is no class", "b" * 2**20, ValueError())
    console.table(("name",), [("c" * 2**20,), ("cat",)])
    output, errors = capsys.readouterr()
    assert errors.startswith("imgrec: error: cat aaa")
    assert "aaa … aaa" in errors
    assert "aaa is no class\nhint: bbb" in errors
    assert len(errors) < 11_000
    assert re.fullmatch("name\nc+ … c+\ncat\n", output)
    assert len(output) < 1100


def test_rendered_has_no_colours() -> None:
    """A table that goes into a file has neither colours nor markup."""
    from rich.text import Text

    assert rendered(Text("[b]x[/b]", style="red")) == "[b]x[/b]\n"


def test_tasks_are_silent_off_a_terminal(capsys: Captured) -> None:
    """If stderr is not a terminal, a task prints nothing, and log lines stay as they are."""
    console = Console()
    with console.task("train", None) as task:
        task.advance(3, "loss 0.5")
        logging.getLogger("imgrec").info("epoch 1")
    assert capsys.readouterr() == ("", "epoch 1\n")


def test_tasks_are_drawn_on_a_terminal() -> None:
    """A terminal shows every task's title, count or note, and log lines above them."""
    seen = on_a_terminal(WORK)
    for text in ("epoch [1/2]", "train", "2/3 images", "loss 0.5 [bold]", "0/2"):
        assert text in seen
    assert "epoch 1: loss 0.5 [red]\r\n" in seen
    assert f"trial  accuracy\r\n1      95.0 %  {'much' * 21}…\r\n" in seen
    assert seen.endswith("done\r\n")


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_plain_terminal_gets_no_colours(environment: dict[str, str]) -> None:
    """A terminal that can't move its cursor gets lines alone; NO_COLOR leaves colours out."""
    seen = on_a_terminal(WORK, **environment)
    assert "\x1b[3" not in seen
    assert ("train" in seen) == ("NO_COLOR" in environment)


def test_a_terminal_is_interactive() -> None:
    """Somebody sits there only where stdin and stderr are a terminal."""
    code = "from imgrec.cli.console import Console; print(Console().interactive)"
    assert on_a_terminal(code) == "True\r\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_poor_encoding_shows_escapes(encoding: str, process: Imgrec) -> None:
    """What the encoding can't say is escaped, on stdout as on stderr."""
    done = process(
        "planted",
        planted="import click; console = click.get_current_context().obj; "
        r"console.result('→ \udcff'); raise ValueError('→')",
        environment={"PYTHONUTF8": "0", "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 70
    assert done.stdout == "\\u2192 \\udcff\n"
    assert done.stderr.startswith("imgrec: error: unexpected ValueError: \\u2192\n")
