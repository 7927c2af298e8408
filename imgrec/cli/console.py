"""The one place that prints: results on stdout; progress, logs and errors on stderr."""

from __future__ import annotations

import io
import logging
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

from imgrec.progress import Silent, Task
from imgrec.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imgrec.cli.progress_bar import Live


_ANY_WIDTH = 10_000
_NARROWEST = 20


class Console:
    """Where the command line speaks; also an `imgrec.progress.Progress`.

    Tasks are drawn only where stderr is a terminal; log lines of `imgrec` appear everywhere.
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
        """Whether somebody sits there: stdin and stderr are a terminal."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    @property
    def shows_results(self) -> bool:
        """Whether results go to a terminal, where they would cross a progress display."""
        return _is_terminal(sys.stdout)

    def result(self, text: str) -> None:
        """Print a command's result, as it is, on stdout."""
        _write(sys.stdout, text.removesuffix("\n"))

    def render(self, renderable: RenderableType, *, whole: bool = False) -> None:
        """Print a table of the reports on stdout, in colours where that is a terminal.

        whole: where it is none, as wide as the table likes.
        """
        self.result(rendered(renderable, sys.stdout, whole=whole))

    def document(self, document: Mapping[str, Any]) -> None:
        """Print `document`, led by the schema version, as JSON on stdout."""
        from imgrec.report.documents import json_text  # help loads no NumPy

        self.result(json_text({"schema_version": 1, **document}))

    def table(
        self, header: Sequence[str], rows: Iterable[Sequence[str]], *, wrapped: bool = False
    ) -> None:
        """Print rows in aligned columns on stdout.

        wrapped: the last column is text, in as many lines as the terminal (or 80 columns) asks for.
        """
        table = [tuple(header), *(tuple(printable(cell) for cell in row) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        if wrapped:
            room = shutil.get_terminal_size().columns - sum(width + 2 for width in widths[:-1])
            table = [line for row in table for line in _wrapped(row, room)]
        for row in table:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.result("  ".join(cells).rstrip())

    def say(self, text: str) -> None:
        """Print lines for people on stderr, above the progress display where there is one."""
        lines = "\n".join(printable(line) for line in text.split("\n"))
        if self._live:
            self._live.say(lines)
        else:
            _write(sys.stderr, lines)

    def error(self, message: str, hint: str, error: BaseException) -> None:
        """Print what went wrong and what to do next; with `traceback`, also where."""
        if self.traceback:
            self.say("".join(traceback.format_exception(error)).rstrip("\n"))
        kind = "" if isinstance(error, KeyboardInterrupt | click.Abort) else "error: "
        self.say(f"imgrec: {kind}{message}")
        if hint:
            self.say(f"hint: {hint}")

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Task]:
        """Draw a task of `total` units (None: unknown) on a terminal until the context ends."""
        if not _is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
            yield Silent()
            return
        with self._shared_display() as live, live.task(title, total, unit) as task:
            yield task

    def flush(self) -> None:
        """Write out what is buffered. Raises OSError where stdout can't take it."""
        if sys.stdout is not None:
            sys.stdout.flush()

    def close(self) -> None:
        """Write out what can be; what can't is dropped, so that the interpreter ends quietly."""
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


def rendered(renderable: RenderableType, file: TextIO | None = None, *, whole: bool = False) -> str:
    """Return a table of the reports as text, laid out for `file` (None: for no terminal).

    whole: where that is no terminal, as wide as the table likes.
    """
    from rich.console import Console as RichConsole

    width = _ANY_WIDTH if whole and not _is_terminal(file) else None
    # Printed by rich itself, a broken pipe would become exit status 1.
    console = RichConsole(file=file or io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in capture.get().split("\n"))


def _wrapped(row: tuple[str, ...], room: int) -> Iterator[tuple[str, ...]]:
    """Yield a row as lines whose last cell has at most `room` characters, or 20."""
    *cells, text = row
    for line in textwrap.wrap(text, max(room, _NARROWEST)) or [""]:
        yield (*cells, line)
        cells = [""] * len(cells)


class _LogHandler(logging.Handler):
    """Shows log records through a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show the record's message; a stderr that nobody reads any more stops no training."""
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
