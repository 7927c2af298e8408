"""The photos that a command line names: files, folders, patterns, a list on standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from imgrec.data.walk import files_below
from imgrec.errors import DataError
from imgrec.text import shown


def expand(photos: Sequence[str], stdin: TextIO) -> tuple[tuple[str, Path], ...]:
    """Return (name, path) of every photo, in the order written; what is named twice stays twice.

    photos: files; folders (everything below them, sorted, hidden files left out); patterns
    with `*`, `?`, `[` or `**` that are no file themselves; `-` for paths on `stdin`, one per
    line. A file that is missing stays in: decoding it tells so.

    Raises DataError where a folder, a pattern or the list holds nothing.
    """
    return tuple(found for photo in photos for found in _expanded(photo, stdin))


def _expanded(photo: str, stdin: TextIO) -> Iterator[tuple[str, Path]]:
    if photo == "-":
        yield from _from_list(stdin)
    elif glob.has_magic(photo) and not os.path.lexists(photo):
        yield from _from_pattern(photo)
    else:
        yield from _from_path(photo)


def _from_list(stdin: TextIO) -> Iterator[tuple[str, Path]]:
    paths = [path for line in stdin if (path := line.rstrip("\r\n"))]
    if not paths:
        raise DataError("standard input holds no paths", hint="write one path per line")
    for path in paths:
        yield from _from_path(path)


def _from_pattern(pattern: str) -> Iterator[tuple[str, Path]]:
    # Not Path.glob: that takes no absolute pattern.
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
    if "**" in pattern:  # it matches folders as well as what is in them
        matches = [match for match in matches if not Path(match).is_dir()]
    if not matches:
        raise DataError(f"nothing matches {shown(pattern)}", hint="check the pattern")
    for path in matches:
        yield from _from_path(path)


def _from_path(photo: str) -> Iterator[tuple[str, Path]]:
    path = Path(photo)
    if not path.is_dir():
        yield photo, path
        return
    files = files_below(path).files
    if not files:
        raise DataError(f"no files in the folder {shown(photo)}")
    for file in files:
        yield str(file), file
