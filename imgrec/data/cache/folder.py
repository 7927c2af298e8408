"""Files in the cache folder, which later trainings reuse.

A file is complete or not there: it is written beside its place and renamed. Who writes one holds
its lock, and others who want it wait; who dies leaves a partial file, which the next writer
removes. Files together stay below a limit: the one not used for longest goes first, and none that
a process has open.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from imgrec.data.cache import files
from imgrec.text import printable

log = logging.getLogger("imgrec")

CachedFile = TypeVar("CachedFile")

_PARTIAL = ".partial"
_KEPT = {".pixels", ".features"}


class NoRoom(Exception):
    """A file doesn't fit below the limit or on the disk."""


@dataclass(frozen=True)
class CacheEntry:
    """Where a file belongs, with one of the suffixes of caches.

    bytes: what it takes at most; limit: what all files of its folder may take together.
    """

    path: Path
    bytes: int
    limit: int


def cache_folder() -> Path:
    """Return the folder for caches: IMGREC_CACHE, or `imgrec` below XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("IMGREC_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgrec"


def obtain(
    place: CacheEntry, read: Callable[[], CachedFile | None], write: Callable[[IO[bytes]], None]
) -> tuple[CachedFile, bool]:
    """Return what `read` finds in the file at `place`, and whether it was there already.

    read: returns None where the file has to be written. write: writes it whole into the open
    file that it is given, while this process alone does so. Raises NoRoom where there is none,
    OSError where the folder can't be used.
    """
    place.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = read()
    reused = found is not None
    if found is None:
        with _alone(place.path.with_suffix(".lock")):
            found = read()
            reused = found is not None
            while found is None:
                _write(place, write)
                found = read()
    with contextlib.suppress(OSError):  # another user's
        os.utime(place.path)  # used now: the last to be removed
    return found, reused


def _write(place: CacheEntry, write: Callable[[IO[bytes]], None]) -> None:
    partial = place.path.with_suffix(_PARTIAL)
    with _alone(place.path.parent / "room.lock"):
        _make_room(place)
        file = partial.open("wb")
        files.hold(file)
        file.truncate(place.bytes)  # counts from now on
    try:
        with file:
            write(file)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        partial.replace(place.path)
    finally:
        partial.unlink(missing_ok=True)


def _make_room(place: CacheEntry) -> None:
    """Remove what was left behind, and files until another of `place.bytes` fits."""
    folder = place.path.parent
    for partial in folder.glob(f"*{_PARTIAL}"):
        files.remove_unused(partial)
    sizes = {path: path.stat() for path in folder.iterdir() if path.suffix in {*_KEPT, _PARTIAL}}
    taken = sum(status.st_size for status in sizes.values())
    # What is to be replaced goes first.
    for path in sorted(sizes, key=lambda path: (path != place.path, sizes[path].st_mtime_ns)):
        if taken + place.bytes <= place.limit or place.bytes > place.limit:
            break
        if path.suffix in _KEPT and files.remove_unused(path):
            taken -= sizes[path].st_size
    if taken + place.bytes > place.limit:
        raise NoRoom(f"{place.bytes:,} bytes are needed, data.cache.limit is {place.limit:,}")
    if place.bytes > shutil.disk_usage(folder).free:
        raise NoRoom(f"{place.bytes:,} bytes are needed, the disk has fewer")


@contextlib.contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    """Hold a lock that the system frees when the process ends, however it ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        log.info("waiting for another training that writes %s", printable(str(lock_file.parent)))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
