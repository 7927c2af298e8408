"""Where the photos of a classifier lie, and how files are brought in line with the index.

A file is named by the SHA-256 of its content, in the folder of its class; what it was called is in
the index alone.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from imgrec.classifier_folder import PHOTOS
from imgrec.classifiers.errors import DiskFull
from imgrec.classifiers.records import StoredPhoto
from imgrec.errors import RunError
from imgrec.files import remove_partial, write_bytes_atomically
from imgrec.text import count_of, printable

log = logging.getLogger("imgrec")

_OTHERS = ("unsure", "none")
_NAME = re.compile(r"([0-9a-f]{64})\.[a-z0-9]+")


def photo_path(folder: Path, photo: StoredPhoto) -> Path:
    """Return where the file of a photo belongs."""
    place = folder / photo.status
    if photo.class_name is not None:
        place = folder / PHOTOS / photo.class_name
    return place / f"{photo.sha256}.{photo.suffix}"


def write_photo(path: Path, content: bytes) -> None:
    """Write the file of a photo, so that it is there even if the system fails afterwards.

    Raises:
        DiskFull: There is no space.
        RunError: It can't be written otherwise.
    """
    with full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, content)
        _sync_folder(path.parent)


def move_photo(source: Path, target: Path) -> None:
    """Move the file of a photo, and remove the folder that it leaves empty."""
    if source == target:
        return
    with full_disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        _sync_folder(target.parent)
    _remove_if_empty(source.parent)


def remove_photos(folder: Path, hashes: set[str]) -> None:
    """Remove all files of these photos, wherever they lie."""
    for sha256, path in _files(folder):
        if sha256 in hashes:
            path.unlink(missing_ok=True)
            _remove_if_empty(path.parent)


def reconcile(folder: Path, photos: Mapping[str, StoredPhoto]) -> None:
    """Bring the files in line with the index, as a process may have been killed in between.

    A file that no photo in the index belongs to was never acknowledged, and is removed; one in the
    folder of another class is moved. Files with other names are left alone.
    """
    remove_partial(folder)
    there = set()
    for sha256, path in list(_files(folder)):
        photo = photos.get(sha256)
        if photo is None or sha256 in there:
            path.unlink()
            _remove_if_empty(path.parent)
            continue
        move_photo(path, photo_path(folder, photo))
        there.add(sha256)
    missing = [photo for sha256, photo in photos.items() if sha256 not in there]
    if missing:
        log.warning(
            "the files of %s are missing, such as %s; restore them, or delete them with "
            "`imgrec forget`",
            count_of(len(missing), "photo"),
            printable(str(photo_path(folder, missing[0]))),
        )


@contextlib.contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Raise DiskFull for an error that means that there is no space."""
    try:
        yield
    except (OSError, RunError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"{printable(str(path.parent))} can't be written: the disk is full",
                hint="free some space",
            ) from error
        raise


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the SHA-256 in the name of each photo's file, and its path."""
    places = [folder / name for name in _OTHERS]
    with contextlib.suppress(FileNotFoundError):
        places += [path for path in (folder / PHOTOS).iterdir() if path.is_dir()]
    for place in places:
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(place.iterdir()):
                if found := _NAME.fullmatch(path.name):
                    yield found[1], path


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder last; Windows does so by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
