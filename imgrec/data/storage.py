"""Files below a folder, hidden ones left out and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgrec.errors import DataError
from imgrec.text import printable

# What systems leave in folders without a leading dot.
_LEFT_BEHIND = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True)
class Listing:
    """What is in a folder, sorted: folders, other entries, and how many hidden ones."""

    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    hidden: int


def is_hidden(name: str) -> bool:
    """Say whether a file or folder of this name is none of the user's."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def list_folder(folder: Path) -> Listing:
    """Return what is directly in `folder`; links count as what they lead to.

    Raises DataError where the folder is missing, none, or can't be read.
    """
    folders, files, hidden = [], [], 0
    for path in _entries(folder):
        if is_hidden(path.name):
            hidden += 1
        elif _is_folder(path):
            folders.append(path)
        else:
            files.append(path)
    return Listing(tuple(folders), tuple(files), hidden)


def files_below(folder: Path) -> Listing:
    """Return the files in `folder` and everywhere below it, sorted; `folders` stays empty.

    Links are followed, but not into a folder that they are themselves in. A hidden folder
    counts as one. Raises DataError as `listed` does.
    """
    contents = list(_below(folder))
    files = sorted(file for found in contents for file in found.files)
    return Listing((), tuple(files), sum(found.hidden for found in contents))


def _below(top: Path) -> Iterator[Listing]:
    waiting = [(top, frozenset({_key(top)}))]
    while waiting:
        folder, above = waiting.pop()
        found = list_folder(folder)
        yield found
        for inner in found.folders:
            key = _key(inner)
            if key not in above:
                waiting.append((inner, above | {key}))


def _key(folder: Path) -> str:
    return os.path.realpath(folder)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except FileNotFoundError:
        raise DataError(f"no folder {printable(str(folder))}", hint="check the path") from None
    except NotADirectoryError:
        raise DataError(f"{printable(str(folder))} is a file, not a folder") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{printable(str(folder))} can't be read: {reason}") from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # found out, by name, when it is decoded
