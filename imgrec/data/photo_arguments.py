"""The photos that a command line names: files, folders, patterns, or what is on standard input."""

from __future__ import annotations

import codecs
import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO, TypeAlias

from imgrec.data.images import HEAD, content_type
from imgrec.data.records import Photo
from imgrec.data.storage import (
    FolderVisits,
    entries,
    exists,
    is_folder,
    is_left_out,
    is_pattern,
    is_sidecar,
    matches,
    read_part,
)
from imgrec.data.suffixes import format_of, is_misnamed
from imgrec.errors import BadImage, DataError
from imgrec.files import reason_of
from imgrec.text import either, similar_names

LIST = "-"
STDIN = "stdin"
"""The name of a photo whose content is on standard input."""

_CHUNK = 1 << 20
# Its bytes are copied once, and the photos of the limit take 900 MB.
_MAX_BYTES = 400 << 20
_LONGEST_LINE = 1 << 16

# Lists of paths have none of these bytes, except in UTF-16.
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")
# Formats that `content_type` leaves to Pillow: BMP and PPM.
_BITMAP = re.compile(rb"BM|P[1-6]\s+(#[^\n]*\n)*\d+\s")

# Editors and PowerShell write a byte order mark before the first path.
_MARK = "\ufeff"

_Level: TypeAlias = "Iterator[Photo | _Level]"


class _Noticed:
    """Files and folders that were left out, and images with another suffix, with their format."""

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self.misnamed: list[tuple[str, str]] = []

    def log(self) -> None:
        """Log what there is."""
        if not (self.left_out or self.misnamed):
            return
        from imgrec.data.finding_kinds import FindingKind
        from imgrec.data.findings import Occurrence, finding, log_findings

        misnamed = (Occurrence((path,), found) for path, found in self.misnamed)
        log_findings(finding(FindingKind.WRONG_SUFFIX, misnamed))
        left_out = (Occurrence((path,)) for path in self.left_out)
        log_findings(finding(FindingKind.HIDDEN, left_out))


def expand_photos(photos: Iterable[str], stdin: TextIO | None) -> Iterator[Photo]:
    """Yield every photo in the order written, found only when it is asked for.

    A photo that is named twice comes twice. A missing file, an empty folder and a pattern without
    a match are photos too, whose decoding says so. At the end, log messages have the numbers of
    hidden and sidecar files and folders that were left out, and of images in folders that have
    another suffix.

    Args:
        photos: Files; folders (everything below them, sorted, hidden files left out); patterns
            with `*`, `?`, `[` or `**` that are not a file's name; `-` for standard input.
        stdin: A list with a path on each line, or the content of one photo. None: `-` is a file.

    Raises:
        DataError: A line of the list is longer than any path.
    """
    noticed = _Noticed()
    for photo in photos:
        if photo == LIST and stdin is not None:
            yield from _from_stdin(stdin, noticed)
        elif "://" not in photo and is_pattern(photo):
            yield from _from_pattern(photo, noticed)
        elif is_missing_folder(photo):
            yield _nothing(photo, missing_folder(photo))
        else:
            yield from _from_path(photo, noticed)
    noticed.log()


def is_missing_folder(photo: str) -> bool:
    """Return whether a path leads to nothing and has no suffix, so that a folder may be meant."""
    if photo == LIST or "://" in photo or Path(photo).suffix or exists(photo):
        return False
    return not is_pattern(photo)


def missing_folder(photo: str) -> str:
    """Return why a path can't be used that leads to nothing, with folders of similar names."""
    above = Path(photo).parent
    try:
        names = [path.name for path, leads_to_folder in entries(above) if leads_to_folder]
    except (OSError, ValueError):
        names = []
    meant = [str(above / each) for each in similar_names(Path(photo).name, names)]
    return "no such file or folder" + (f"; did you mean {either(meant)}?" if meant else "")


def _from_stdin(stdin: TextIO, noticed: _Noticed) -> Iterator[Photo]:
    buffer = getattr(stdin, "buffer", None)
    if isinstance(buffer, io.BufferedReader) and _is_photo(buffer.peek(HEAD)):
        yield _from_bytes(buffer)
    else:
        yield from _from_list(stdin, noticed)


def _is_photo(head: bytes) -> bool:
    """Return whether bytes begin like an image, or another binary file, rather than a list."""
    if not _CONTROL.search(head):
        return False
    return content_type(head[:HEAD]) is not None or _BITMAP.match(head) is not None


def _from_bytes(stream: io.BufferedReader) -> Photo:
    content = bytearray()
    while len(content) <= _MAX_BYTES and (more := stream.read(_CHUNK)):
        content += more
    if len(content) > _MAX_BYTES:
        return _nothing(STDIN, f"larger than {_MAX_BYTES >> 20} MiB; name the file instead")
    return Photo(STDIN, bytes(content))


def _from_list(stdin: TextIO, noticed: _Noticed) -> Iterator[Photo]:
    if isinstance(stdin, io.TextIOWrapper):
        if _is_utf16(stdin):
            stdin.reconfigure(encoding="utf-16")
        stdin.reconfigure(errors="surrogateescape")  # like file names that Python lists itself
    empty = True
    for number, line in enumerate(iter(lambda: stdin.readline(_LONGEST_LINE), "")):
        if len(line) == _LONGEST_LINE:
            raise DataError(
                f"line {number + 1} of standard input is longer than {_LONGEST_LINE:,} characters",
                hint="a list of photos has a path on each line",
            )
        written = line if number else line.removeprefix(_MARK)
        if path := written.rstrip("\r\n"):
            empty = False
            yield from _from_path(path, noticed)
    if empty:
        yield _nothing(
            LIST, "standard input is empty; it should have a path on each line, or a photo"
        )


def _is_utf16(stdin: io.TextIOWrapper) -> bool:
    """Return whether a list begins with the mark of UTF-16, which PowerShell writes."""
    marks = {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    return isinstance(stdin.buffer, io.BufferedReader) and stdin.buffer.peek(2)[:2] in marks


def _from_pattern(pattern: str, noticed: _Noticed) -> Iterator[Photo]:
    found = matches(pattern)
    if "**" in pattern:  # it matches folders as well as what is in them
        found = [match for match in found if not is_folder(match)]
    noticed.left_out += filter(is_sidecar, found)
    photos = [match for match in found if not is_sidecar(match)]
    if not photos:
        yield _nothing(pattern, "nothing matches this pattern")
    for path in photos:
        yield from _from_path(path, noticed)


def _from_path(photo: str, noticed: _Noticed) -> Iterator[Photo]:
    if not is_folder(photo):
        yield Photo(photo, Path(photo))
        return
    files = _below(photo, noticed)
    first = next(files, _nothing(photo, "a folder without images"))
    yield first
    yield from files


def _below(top: str, noticed: _Noticed) -> Iterator[Photo]:
    """Yield the files in a folder and everywhere below it, sorted, with one listing at a time."""
    levels = [_listed(Path(top), FolderVisits(Path(top)), noticed)]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif isinstance(found, Photo):
            yield found
        else:
            levels.append(found)


def _listed(folder: Path, visits: FolderVisits, noticed: _Noticed) -> _Level:
    """Yield what is in a folder, and an iterator for each folder in it that is entered."""
    try:
        inside = entries(folder)
    except OSError as error:
        yield _nothing(str(folder), f"a folder that can't be read: {reason_of(error)}")
        return
    for path, leads_to_folder in inside:
        if is_left_out(path.name, is_folder=leads_to_folder):
            noticed.left_out.append(str(path))
        elif not leads_to_folder:
            noticed.misnamed += _misnamed(path)
            yield Photo(str(path), path)
        elif visits.enter(path):
            yield _listed(path, visits, noticed)


def _misnamed(path: Path) -> Iterator[tuple[str, str]]:
    """Yield a file that is an image and has the suffix of something else, and its format.

    Those with the suffix of an image are not opened to see of which format they are.
    """
    if format_of(path.name) is not None:
        return
    with contextlib.suppress(OSError, ValueError):
        there = content_type(read_part(path, 0, HEAD))
        if there is not None and there.kind == "format" and is_misnamed(path.name, there.name):
            yield str(path), there.name


def _nothing(name: str, reason: str) -> Photo:
    return Photo(name, BadImage(name, reason))
