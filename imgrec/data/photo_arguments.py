"""The photos that a command line names: files, folders, patterns, a list on standard input."""

from __future__ import annotations

import glob
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO, TypeAlias

from imgrec.data.records import Photo
from imgrec.data.storage import is_hidden
from imgrec.errors import BadImage

LIST = "-"

_Level: TypeAlias = "Iterator[Photo | _Level]"


def expand_photos(photos: Iterable[str], stdin: TextIO | None) -> Iterator[Photo]:
    """Yield every photo in the order written, found only when it is asked for.

    What is named twice comes twice. photos: files; folders (everything below them, sorted,
    hidden files left out); patterns with `*`, `?`, `[` or `**` that are no file themselves; `-`
    for paths on `stdin`, one per line, where `stdin` is not None.

    What holds nothing (a missing file, an empty folder, a pattern without a match) is a photo
    too, whose decoding tells so.
    """
    for photo in photos:
        if photo == LIST and stdin is not None:
            yield from _from_list(stdin)
        elif glob.has_magic(photo) and "://" not in photo and not os.path.lexists(photo):
            yield from _from_pattern(photo)
        else:
            yield from _from_path(photo)


def _from_list(stdin: TextIO) -> Iterator[Photo]:
    if isinstance(stdin, io.TextIOWrapper):
        stdin.reconfigure(errors="surrogateescape")  # as file names that Python lists itself
    empty = True
    for line in stdin:
        if path := line.rstrip("\r\n"):
            empty = False
            yield from _from_path(path)
    if empty:
        yield _nothing(LIST, "no paths on standard input, where one per line belongs")


def _from_pattern(pattern: str) -> Iterator[Photo]:
    # Not Path.glob: that takes no absolute pattern.
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
    if "**" in pattern:  # it matches folders as well as what is in them
        matches = [match for match in matches if not Path(match).is_dir()]
    if not matches:
        yield _nothing(pattern, "nothing matches this pattern")
    for path in matches:
        yield from _from_path(path)


def _from_path(photo: str) -> Iterator[Photo]:
    if not os.path.isdir(photo):  # noqa: PTH112 - Path.is_dir() raises for some names
        yield Photo(photo, Path(photo))
        return
    files = _below(photo)
    first = next(files, _nothing(photo, "a folder without images"))
    yield first
    yield from files


def _below(top: str) -> Iterator[Photo]:
    """Yield the files in a folder and everywhere below it, sorted, with one listing at a time."""
    levels = [_listed(Path(top), frozenset())]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
        elif isinstance(found, Photo):
            yield found
        else:
            levels.append(found)


def _listed(folder: Path, above: frozenset[str]) -> _Level:
    """Yield what is in a folder; a link that leads to a folder `above` it is not followed."""
    key = os.path.realpath(folder)
    if key in above:
        return
    try:
        with os.scandir(folder) as entries:
            found = sorted((each.name, _is_folder(each)) for each in entries)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        yield _nothing(str(folder), f"a folder that can't be read: {reason}")
        return
    for name, is_folder in found:
        if not is_hidden(name):
            path = folder / name
            yield _listed(path, above | {key}) if is_folder else Photo(str(path), path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # found out, by name, when it is decoded


def _nothing(name: str, reason: str) -> Photo:
    return Photo(name, BadImage(name, reason))
