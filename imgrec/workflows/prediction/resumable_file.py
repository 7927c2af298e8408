"""A file that grows over hours and takes its name when it is whole.

While FILE grows, two files lie beside it: FILE.partial is what it will hold; the first line of
FILE.progress says what is being written, each further one up to where FILE.partial is whole.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from imgrec.errors import RunError, UsageError
from imgrec.files import cannot_write
from imgrec.text import printable

log = logging.getLogger("imgrec")

Settings = Mapping[str, str | int | None]


@dataclass(frozen=True)
class WriterProgress:
    """How far a file is: its bytes, the items it tells of, how many of those failed.

    names: a digest of the items' names, in their order.
    """

    bytes: int = 0
    items: int = 0
    failed: int = 0
    names: str = ""


class ResumableWriter:
    """A file under way; `mark` says how far it is."""

    def __init__(self, path: Path, partial: FileIO, progress: FileIO, mark: WriterProgress) -> None:
        self.path = path
        self.mark = mark
        self._partial = partial
        self._progress = progress

    def append(self, text: str, names: Sequence[str], failed: int) -> None:
        """Add `text`, which tells of `names`; so many failed up to now.

        Raises RunError where it can't be written.
        """
        content = text.encode("utf-8", "surrogateescape")
        mark = WriterProgress(
            self.mark.bytes + len(content),
            self.mark.items + len(names),
            failed,
            _digest(self.mark.names, names),
        )
        with _writing(self.path):
            _write(self._partial, content)
            _write(self._progress, _line(asdict(mark)))
        self.mark = mark


@contextmanager
def resumable_file(
    path: Path, settings: Settings, *, header: str, names: Iterator[str], resume: bool
) -> Iterator[ResumableWriter]:
    """Let the context append to a file that becomes `path` where the context ends well.

    settings: all that what is written hangs on. header: what the file begins with. resume:
    whether to go on with what an earlier process left, cut back to where it is whole; what that
    tells of is taken off the front of `names`.

    Raises UsageError where there is none but `path` is whole, or it was begun with other
    settings or names; RunError where it can't be written, or another process does so.
    """
    partial, progress = (path.with_name(path.name + end) for end in (".partial", ".progress"))
    if resume and path.exists() and not partial.exists():
        raise UsageError(
            f"{printable(str(path))} is whole: there is nothing to go on with",
            hint="leave --continue out to write it anew",
        )
    with ExitStack() as opened:
        with _writing(path):
            # Without a buffer, so that closing has nothing left that might not fit on the disk.
            content = opened.enter_context(partial.open("a+b", buffering=0))
            _lock(content, path)
            marks = opened.enter_context(progress.open("a+b", buffering=0))
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
        with _writing(path):
            os.fsync(content.fileno())
            partial.replace(path)
            progress.unlink()


def _begin(partial: FileIO, progress: FileIO, settings: Settings, header: str) -> WriterProgress:
    begin = header.encode()
    _write(partial, begin)
    _write(progress, _line(settings))
    return WriterProgress(len(begin))


def _pass_over(mark: WriterProgress, names: Iterator[str], partial: Path) -> None:
    if _digest("", itertools.islice(names, mark.items)) != mark.names:
        raise UsageError(
            f"{printable(str(partial))} does not begin with the photos named now",
            hint=f"it holds {mark.items:,}: name the same ones in the same order, "
            "or leave --continue out to begin anew",
        )


def _last_mark(partial: FileIO, progress: FileIO, settings: Settings) -> tuple[WriterProgress, int]:
    """Return the last mark up to which `partial` is there, and where its line ends."""
    size = partial.seek(0, os.SEEK_END)
    progress.seek(0)
    lines = progress.readall().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):  # torn
        lines.pop()
    if not lines:
        return WriterProgress(), 0
    try:
        begun, *marks = [json.loads(line) for line in lines]
        _refuse_others(printable(partial.name), begun, settings)
        whole = [WriterProgress(**each) for each in marks if each["bytes"] <= size]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RunError(
            f"{printable(progress.name)} is damaged", hint="leave --continue out to begin anew"
        ) from None
    return (whole[-1], sum(map(len, lines[: 1 + len(whole)]))) if whole else (WriterProgress(), 0)


def _refuse_others(place: str, then: Settings, now: Settings) -> None:
    changed = [key for key in now if then.get(key) != now[key]]
    if changed:
        told = (f"{key} {_told(then.get(key))} there, {_told(now[key])} here" for key in changed)
        raise UsageError(
            f"{place} was begun otherwise: {'; '.join(told)}",
            hint="give the same options, or leave --continue out to begin anew",
        )


def _told(value: str | int | None) -> str:
    return "none" if value is None else printable(str(value))


def _leave(file: ResumableWriter, partial: Path, progress: Path) -> None:
    """Say how to go on; where nothing is done yet, leave nothing behind."""
    if file.mark.items:
        place, count = printable(str(partial)), f"{file.mark.items:,}"
        log.info("%s holds %s photos; the same command with --continue goes on", place, count)
        return
    partial.unlink(missing_ok=True)
    progress.unlink(missing_ok=True)


def _lock(file: FileIO, path: Path) -> None:
    import fcntl  # which Windows has not

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(
            f"another process is writing {printable(str(path))}", hint="wait for it, or end it"
        ) from None


def _write(file: FileIO, content: bytes) -> None:
    while content:
        content = content[file.write(content) :]


def _line(document: Mapping[str, object]) -> bytes:
    return json.dumps(document).encode("ascii") + b"\n"


def _digest(before: str, names: Iterable[str]) -> str:
    for name in names:
        text = before + name
        before = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return before


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error
