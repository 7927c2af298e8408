"""A file that is written over hours, can be resumed, and appears when it is complete.

Until then there are two files: FILE.partial has the content so far. FILE.progress has the settings
on its first line; each further line says up to where FILE.partial is consistent.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from imgrec.errors import RunError, UsageError
from imgrec.files import file_mode, linked, open_own, write_all, writing
from imgrec.json_documents import from_builtins, parse_json
from imgrec.text import count_of, printable

log = logging.getLogger("imgrec")

Settings = Mapping[str, str | int | None]


@dataclass(frozen=True)
class WriterProgress:
    """How far a file has been written.

    Args:
        bytes: Its size.
        items: The number of items in it.
        failed: How many of those failed.
        names: A digest of the names of the items, in their order.
    """

    bytes: int = 0
    items: int = 0
    failed: int = 0
    names: str = ""


class ResumableWriter:
    """A file that is being written; `mark` says how far."""

    def __init__(self, path: Path, partial: FileIO, progress: FileIO, mark: WriterProgress) -> None:
        self.path = path
        self.mark = mark
        self._partial = partial
        self._progress = progress

    def append(self, text: str, names: Sequence[str], failed: int) -> None:
        """Append the text of further items.

        Args:
            text: What is appended.
            names: The names of the items.
            failed: How many items have failed so far, these included.

        Raises:
            RunError: The file can't be written.
        """
        content = text.encode("utf-8", "surrogateescape")
        mark = WriterProgress(
            self.mark.bytes + len(content),
            self.mark.items + len(names),
            failed,
            _digest(self.mark.names, names),
        )
        with writing(self.path):
            write_all(self._partial, content)
            write_all(self._progress, _line(asdict(mark)))
        self.mark = mark


def is_complete(path: Path) -> bool:
    """Return whether a file is there, and none that would be continued."""
    path = linked(path)
    return path.exists() and not _partial(path).exists()


@contextmanager
def resumable_file(
    path: Path, settings: Settings, *, header: str, names: Iterator[str], resume: bool
) -> Iterator[ResumableWriter]:
    """Open a file that the context appends to; it becomes `path` when the context ends normally.

    Args:
        path: The file; of a link, what it leads to.
        settings: Everything that the content depends on, apart from the items.
        header: The beginning of the file.
        names: The names of the items. Those that the file holds already are taken off the front.
        resume: Whether to continue what an earlier process left, cut back to where it is
            consistent.

    Raises:
        UsageError: What is resumed was started with other settings or items.
        RunError: The file can't be written, or another process is writing it.
    """
    path = linked(path)
    partial, progress = _partial(path), path.with_name(f"{path.name}.progress")
    with ExitStack() as opened:
        with writing(path):
            path.parent.stat()  # a lock would create the folder
            opened.enter_context(_alone(path))
            # Without a buffer, so that closing has nothing left that might not fit on the disk.
            mode = file_mode(path)
            content = opened.enter_context(open_own(partial, new=not resume, mode=mode))
            marks = opened.enter_context(open_own(progress, new=not resume, mode=mode))
            mark, end = _last_mark(content, marks, settings) if resume else (WriterProgress(), 0)
            content.truncate(mark.bytes)
            marks.truncate(end)
            if not mark.items:
                mark = _begin(content, marks, settings, header)
        _pass_over(mark, names, partial)
        file = ResumableWriter(path, content, marks, mark)
        try:
            yield file
        except BaseException:
            _leave(file, partial, progress)
            raise
        with writing(path):
            os.fsync(content.fileno())
            partial.replace(path)
            progress.unlink()


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _begin(partial: FileIO, progress: FileIO, settings: Settings, header: str) -> WriterProgress:
    begin = header.encode()
    write_all(partial, begin)
    write_all(progress, _line(settings))
    return WriterProgress(len(begin))


def _pass_over(mark: WriterProgress, names: Iterator[str], partial: Path) -> None:
    if _digest("", itertools.islice(names, mark.items)) != mark.names:
        raise UsageError(
            f"{printable(str(partial))} starts with other photos than those given",
            hint=f"it holds {mark.items:,}: give the same ones in the same order, "
            "or leave out --continue to start over",
        )


def _last_mark(partial: FileIO, progress: FileIO, settings: Settings) -> tuple[WriterProgress, int]:
    """Return the last mark that `partial` reaches, and where its line ends."""
    size = partial.seek(0, os.SEEK_END)
    progress.seek(0)
    lines = progress.readall().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):  # torn
        lines.pop()
    if not lines:
        return WriterProgress(), 0
    try:
        begun, *marks = map(parse_json, lines)
        _refuse_others(printable(partial.name), begun, settings)
        whole = [each for each in map(_mark, marks) if each.bytes <= size]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RunError(
            f"{printable(progress.name)} is damaged", hint="leave out --continue to start over"
        ) from None
    return (whole[-1], sum(map(len, lines[: 1 + len(whole)]))) if whole else (WriterProgress(), 0)


def _mark(document: Any) -> WriterProgress:
    mark = from_builtins(WriterProgress, document)
    if min(mark.bytes, mark.items, mark.failed) < 0 or mark.items > sys.maxsize:
        raise ValueError("a number is out of range")
    return mark


def _refuse_others(place: str, then: Settings, now: Settings) -> None:
    changed = [key for key in now if then.get(key) != now[key]]
    if changed:
        values = (f"{key} {_shown(then.get(key))}, now {_shown(now[key])}" for key in changed)
        raise UsageError(
            f"{place} was started with other options: {'; '.join(values)}",
            hint="give the same options, or leave out --continue to start over",
        )


def _shown(value: str | int | None) -> str:
    return "none" if value is None else printable(str(value))


def _leave(file: ResumableWriter, partial: Path, progress: Path) -> None:
    """Say how to resume; if nothing is done yet, leave nothing behind."""
    if file.mark.items:
        place, count = printable(str(partial)), count_of(file.mark.items, "photo")
        log.info("%s holds %s; repeat the command with --continue to resume", place, count)
        return
    partial.unlink(missing_ok=True)
    progress.unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunError(
            f"another process is writing {printable(str(path))}", hint="wait for it, or end it"
        ) from None
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows it can't be removed while it is open
            Path(lock.lock_file).unlink()
        lock.release()


def _line(document: Mapping[str, object]) -> bytes:
    return json.dumps(document).encode("ascii") + b"\n"


def _digest(before: str, names: Iterable[str]) -> str:
    for name in names:
        text = before + name
        before = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return before
