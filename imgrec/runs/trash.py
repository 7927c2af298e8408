"""Runs that were deleted, until the trash is emptied."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from imgrec.errors import RunError
from imgrec.files import cannot_write
from imgrec.runs.card_file import CARD_FILE
from imgrec.runs.folder import check_named
from imgrec.runs.repeats import find_folder
from imgrec.runs.writer import check_unlocked
from imgrec.text import printable

TRASH = ".trash"
"""The folder beside the runs into which deleted ones are moved."""


@dataclass(frozen=True)
class DeletedRun:
    """A run that was or would be deleted: its folder, files, bytes, and where it is afterwards."""

    path: Path
    files: int
    size: int
    place: Path


def deletable(reference: str, runs_dir: Path) -> Path:
    """Return the folder of a run, or of repeats, also of one whose card can't be read.

    Raises:
        RunError: There is no such run.
    """
    folder = runs_dir / reference
    if (folder / CARD_FILE).is_file():
        return folder
    return find_folder(reference, runs_dir)


def delete(folder: Path, *, dry_run: bool = False) -> DeletedRun:
    """Move the folder of a run into the trash beside it.

    Args:
        folder: The run's folder.
        dry_run: Only return what would be done.

    Raises:
        RunError: The run is being trained, or the folder can't be moved.
    """
    moment = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S-%f")
    trash = folder.parent / TRASH
    files, size = _measured(folder)
    found = DeletedRun(folder, files, size, trash / f"{folder.name}@{moment}")
    if dry_run:
        return found
    for each in (folder, *(card.parent for card in folder.glob(f"*/{CARD_FILE}"))):
        check_unlocked(each)
    if trash.is_symlink():
        raise RunError(f"{printable(str(trash))} is a link, and nothing is moved through it")
    try:
        trash.mkdir(exist_ok=True)
        folder.rename(found.place)
    except OSError as error:
        raise cannot_write(trash, error) from error
    return found


def trashed(runs_dir: Path) -> tuple[DeletedRun, ...]:
    """Return what lies in the trash of a runs folder, oldest first.

    Raises RunError if there is no such folder, unless it is the usual one.
    """
    check_named(runs_dir)
    trash = runs_dir / TRASH
    if trash.is_symlink() or not trash.is_dir():
        return ()
    folders = sorted(trash.iterdir(), key=lambda path: path.name.rpartition("@")[2])
    return tuple(DeletedRun(path, *_measured(path), path) for path in folders)


def purge(found: DeletedRun) -> None:
    """Remove what lies in the trash for good; raises RunError if that is not possible."""
    try:
        if found.path.is_dir() and not found.path.is_symlink():
            shutil.rmtree(found.path)
        else:
            found.path.unlink()
    except OSError as error:
        raise cannot_write(found.path, error) from error


def _measured(folder: Path) -> tuple[int, int]:
    """Return how many files there are below a folder, and their bytes; links are not followed."""
    files = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            files += 1
            size += os.lstat(f"{place}/{name}").st_size
    return files, size
