"""The one place that prints: results on stdout; progress, logs and errors on stderr."""

from __future__ import annotations

import io
import logging
import os
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from imgrec.progress import Silent, Task
from imgrec.text import abridge, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imgrec.cli.progress_bar import Live


# More of a text from a file would hide everything else.
_LONGEST_LINE = 5000
_LONGEST_CELL = 1000

_NARROWEST = 20


class Console:
    """Prints what commands output; also an `imgrec.progress.Progress`.

    Progress is drawn only if stderr is a terminal; log lines of `imgrec` are always printed.
    """

    def __init__(self) -> None:
        self.traceback = False
        self._live: Live | None = None
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        _follow_logs(self)

    @property
    def interactive(self) -> bool:
        """Whether the user is at a terminal: stdin and stderr are both one."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    @property
    def shows_results(self) -> bool:
        """Whether results go to a terminal, where they would interfere with a progress display."""
        return _is_terminal(sys.stdout)

    def result(self, text: str) -> None:
        """Print a command's result on stdout, unchanged."""
        _write(sys.stdout, text.removesuffix("\n"))

    def render(self, renderable: RenderableType) -> None:
        """Print a report's table on stdout, in colour on a terminal."""
        self.result(self.rendered(renderable))

    def rendered(self, renderable: RenderableType) -> str:
        """Return the text that `render` prints."""
        return rendered(renderable, sys.stdout)

    def document(self, document: object) -> None:
        """Print a document as JSON on stdout."""
        from imgrec.json_documents import json_text  # help loads no msgspec

        self.result(json_text(document))

    def table(
        self,
        header: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        wrapped: bool = False,
        numbers: int = 0,
    ) -> None:
        """Print rows in aligned columns on stdout; of a very long cell, the middle is left out.

        Args:
            header: The column names.
            rows: The cells, as many in each row as in `header`.
            wrapped: Wrap the last column to the width of the terminal (80 columns if unknown).
            numbers: How many of the last columns are aligned on the right.
        """
        lines = aligned(header, rows, wrapped=wrapped, numbers=numbers)
        _write(sys.stdout, "\n".join(lines))

    def say(self, text: str) -> None:
        """Print messages on stderr, above the progress display if there is one.

        Lines are not wrapped: a search in a log file finds them whole, and a terminal wraps them.
        Of a very long line, the middle is left out.
        """
        lines = "\n".join(printable(abridge(line, _LONGEST_LINE)) for line in text.split("\n"))
        if self._live:
            self._live.say(lines)
        else:
            _write(sys.stderr, lines)

    def pin(self, lines: Sequence[str]) -> bool:
        """Show printable lines above the progress display, in place of those before.

        Returns:
            Whether there is such a display.
        """
        if self._live:
            self._live.pin("\n".join(lines))
        return self._live is not None

    def error(self, message: str, hint: str, error: BaseException) -> None:
        """Print what went wrong and what to do next; with `--traceback`, also where."""
        if self.traceback:
            self.say("".join(traceback.format_exception(error)).rstrip("\n"))
        kind = "" if isinstance(error, KeyboardInterrupt | click.Abort) else "error: "
        self.say(f"imgrec: {kind}{message}")
        if hint:
            self.say(f"hint: {hint}")

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Task]:
        """Show the progress of a task of `total` units (None: unknown) until the context ends."""
        if not _is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
            yield Silent()
            return
        with self._shared_display() as live, live.task(title, total, unit) as task:
            yield task

    def flush(self) -> None:
        """Flush stdout. Raises OSError if it can't be written to."""
        if sys.stdout is not None:
            sys.stdout.flush()

    def close(self) -> None:
        """Flush stdout and stderr; drop what can't be written, so that the exit is quiet."""
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:
                    stream.flush()
            except OSError:
                _to_nowhere(stream)

    @contextmanager
    def _shared_display(self) -> Iterator[Live]:
        if self._live:
            yield self._live
            return
        from imgrec.cli.progress_bar import Live

        with Live() as live:
            self._live = live
            try:
                yield live
            finally:
                self._live = None


def rendered(renderable: RenderableType, file: TextIO | None = None) -> str:
    """Return a report's table as text.

    file: Where it will be printed; its terminal, if any, sets width and colours.
    """
    from rich.console import Console as RichConsole

    # Captured, because rich turns a broken pipe into exit status 1.
    console = RichConsole(file=file or io.StringIO())
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().split("\n"))


def aligned(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    wrapped: bool = False,
    numbers: int = 0,
) -> list[str]:
    """Return the lines of a table, as `Console.table` prints them."""
    shown = (tuple(printable(abridge(cell, _LONGEST_CELL)) for cell in row) for row in rows)
    table = [tuple(header), *shown]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if wrapped:
        import shutil

        room = shutil.get_terminal_size().columns - sum(width + 2 for width in widths[:-1])
        table = [line for row in table for line in _wrapped(row, room)]
    texts = len(header) - numbers
    return ["  ".join(_padded(row, widths, texts)).rstrip() for row in table]


def _padded(row: Sequence[str], widths: Sequence[int], texts: int) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if column < texts else cell.rjust(width)


def _wrapped(row: tuple[str, ...], room: int) -> Iterator[tuple[str, ...]]:
    """Yield a row as lines whose last cell has at most max(`room`, 20) characters."""
    *cells, text = row
    for line in textwrap.wrap(text, max(room, _NARROWEST), break_on_hyphens=False) or [""]:
        yield (*cells, line)
        cells = [""] * len(cells)


class _LogHandler(logging.Handler):
    """Shows log records through a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record's message; a closed stderr must not stop a training."""
        try:
            self._console.say(record.getMessage())
        except OSError:
            _to_nowhere(sys.stderr)


def _follow_logs(console: Console) -> None:
    log = logging.getLogger("imgrec")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers = [_LogHandler(console)]


def _write(stream: TextIO | None, text: str) -> None:
    # Not click.echo: on an ASCII stream it writes UTF-8.
    if stream is not None:
        stream.write(f"{text}\n")
        stream.flush()


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _to_nowhere(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
