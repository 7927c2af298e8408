"""Files in the cache folder, which later commands reuse.

A folder or file that other users own, or may write to, is not used: they could have put any pixels
there. A file is complete or not there: it is written beside its place and renamed. It ends with a
checksum, which is compared when it is opened: a file that was changed is written again. A process
that writes one holds its lock, and others that want it wait; a process that dies leaves a partial
file, which the next writer removes. Files together stay below a limit: the one not used for longest
is removed first, and none that a process has open.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

from google_crc32c import extend as crc32c

from imgrec.data import storage
from imgrec.errors import RunError
from imgrec.text import count_of, printable

if sys.platform != "win32":
    import fcntl

log = logging.getLogger("imgrec")

CachedFile = TypeVar("CachedFile")

_PARTIAL = ".partial"
_KEPT = {".pixels", ".features", ".model", ".packed"}

_OTHERS = "other users own it, or may write to it (chmod go-w)"

# Nothing else is removed: the folder may hold the user's own files, too.
_NAME = re.compile(r"[0-9a-f]{32}\.(pixels|features|model|packed|partial)")


LIMIT = 20_000_000_000
"""What all files of the folder may take together in bytes, unless a config says otherwise."""

CACHE_VERSION = 3
"""Of the form of the files; it is part of what their names are made of."""

# The checksum of what precedes it, and where it ends.
_SEAL = struct.Struct("<I8s")
_MAGIC = b"imgrec-3"
_CHUNK = 1 << 20


class NoRoom(Exception):
    """A file doesn't fit below the limit or on the disk."""


@dataclass(frozen=True)
class CacheEntry:
    """Where a file belongs: 32 hexadecimal digits, and one of the suffixes of caches.

    bytes: what it takes at most; limit: what all files of its folder may take together.
    """

    path: Path
    bytes: int
    limit: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.path.name):
            raise ValueError(f"{self.path.name} is not the name of a cache file")


class CacheWriter:
    """Writes to a cache file, and computes the checksum of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._checksum = 0

    @property
    def path(self) -> Path:
        """The file, until it is complete."""
        return Path(self._file.name)

    def write(self, content: bytes) -> int:
        """Write all of `content`; raises OSError."""
        self._checksum = crc32c(self._checksum, content)
        return self._file.write(content)

    def flush(self) -> None:
        """Pass on what was written, as archives need it; raises OSError."""
        self._file.flush()

    def seal(self) -> None:
        """Complete the file."""
        self._file.write(_SEAL.pack(self._checksum, _MAGIC))


def cache_folder() -> Path:
    """Return the folder for caches: IMGREC_CACHE, or `imgrec` in the user's cache folder.

    Raises RunError if the user has no home folder.
    """
    if own := os.environ.get("IMGREC_CACHE"):
        return Path(own)
    from platformdirs import user_cache_path

    folder = user_cache_path("imgrec", appauthor=False)
    if not folder.is_absolute():
        raise RunError(
            "there is no folder for caches: this user has no home folder",
            hint="name one with IMGREC_CACHE, or as data.cache.folder",
        )
    return folder


def cached_bytes(name: str, most: int, make: Callable[[], bytes]) -> bytes:
    """Return the content of a file in the user's cache folder.

    Args:
        name: Of the file; its suffix is one of those of caches.
        most: How many bytes it takes at most.
        make: Returns the content if the file is not there, or if there is no cache.
    """
    try:
        folder = cache_folder()
    except RunError as error:
        log.info("not cached: %s", error.message)
        return make()
    try:
        content, _ = obtain(
            CacheEntry(folder / name, most, LIMIT),
            lambda file, size: file.read(size),
            lambda file: file.write(make()),
        )
    except (NoRoom, OSError) as error:
        log.info("not cached in %s: %s", printable(str(folder)), printable(str(error)))
        return make()
    return content


def obtain(
    entry: CacheEntry,
    read: Callable[[BinaryIO, int], CachedFile | None],
    write: Callable[[CacheWriter], object],
) -> tuple[CachedFile, bool]:
    """Return what `read` finds in the file of `entry`, and whether it was there already.

    Args:
        entry: Where the file belongs.
        read: Gets the open file, and the number of bytes that were written; returns None, or raises
            ValueError or TypeError, if it has to be written again. The file is in use while it and
            every mapping of it are open.
        write: Writes the whole file; no other process does so at the same time.

    Raises:
        NoRoom: There is no room for it.
        OSError: The folder can't be used, or other users own it or may write to it.
    """
    storage.make_folder(entry.path.parent, private=True)
    if not storage.status(entry.path.parent).is_private:
        raise OSError(_OTHERS)
    found = _read(entry.path, read)
    reused = found is not None
    if found is None:
        with _alone(entry.path.with_suffix(".lock")):
            found = _read(entry.path, read, warn=True)
            reused = found is not None
            while found is None:
                _write(entry, write)
                found = _read(entry.path, read, check=False)
    with contextlib.suppress(OSError):  # root's
        storage.touch(entry.path)  # used now: the last to be removed
    return found, reused


def hold(file: IO[bytes]) -> None:
    """Mark `file` as in use until it and every mapping of it are closed."""
    # On Windows a file that is open can't be removed anyway.
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_SH)


def remove_unused(path: Path) -> bool:
    """Remove the file at `path` unless a process has it open; say whether it is gone."""
    try:
        if sys.platform == "win32":
            storage.remove(path)
            return True
        with storage.open_file(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            storage.remove(path)
    except FileNotFoundError:
        return True
    except OSError:  # in use, or another user's
        return False
    return True


def shown_path(path: Path) -> str:
    """Return the path for people, `~` for their home."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # never raises
    return printable(str("~" / path.relative_to(home) if path.is_relative_to(home) else path))


def _read(
    path: Path,
    read: Callable[[BinaryIO, int], CachedFile | None],
    *,
    check: bool = True,
    warn: bool = False,
) -> CachedFile | None:
    """Return what `read` finds; None if it is missing, or has to be written again.

    check: whether the checksum is compared. warn: whether the log names a file that was changed.
    """
    try:
        with storage.open_file(path) as file:
            hold(file)
            status = storage.status(file)
            if status.links == 0 or not status.is_private:  # 0: removed just before it was held
                return None
            if check and not _is_sealed(file, status.size):
                if warn:
                    log.warning(
                        "%s was damaged, or changed by somebody else: it is written again",
                        printable(str(path)),
                    )
                return None
            file.seek(0)
            return read(file, status.size - _SEAL.size)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _is_sealed(file: BinaryIO, size: int) -> bool:
    """Return whether a file ends with the checksum of what precedes it."""
    checksum, left = 0, size - _SEAL.size
    while left > 0 and (chunk := file.read(min(_CHUNK, left))):
        checksum = crc32c(checksum, chunk)
        left -= len(chunk)
    return left == 0 and file.read() == _SEAL.pack(checksum, _MAGIC)


def _write(entry: CacheEntry, write: Callable[[CacheWriter], object]) -> None:
    partial = entry.path.with_suffix(_PARTIAL)
    with _alone(entry.path.parent / "room.lock"):
        _make_room(entry)
        storage.remove(partial)
        file = storage.create_file(partial, private=True)
        hold(file)
        file.truncate(entry.bytes)  # counts from now on
    try:
        with file:
            if not storage.status(file).is_private:  # a disk without permissions
                raise OSError(_OTHERS)
            writer = CacheWriter(file)
            write(writer)
            writer.seal()
            file.truncate()
            storage.sync(file)
        storage.replace(partial, entry.path)
    finally:
        storage.remove(partial)


def _make_room(entry: CacheEntry) -> None:
    """Remove what was left behind, and files until another of `entry.bytes` fits."""
    folder = entry.path.parent
    files = [path for path, _ in storage.entries(folder) if _NAME.fullmatch(path.name)]
    for partial in files:
        if partial.suffix == _PARTIAL:
            remove_unused(partial)
    statuses = {path: storage.status(path) for path in files if storage.exists(path)}
    taken = sum(status.size for status in statuses.values())
    # What is to be replaced goes first.
    order = sorted(statuses, key=lambda path: (path != entry.path, statuses[path].modified))
    for path in order:
        if taken + entry.bytes <= entry.limit or entry.bytes > entry.limit:
            break
        if path.suffix in _KEPT and remove_unused(path):
            taken -= statuses[path].size
    if taken + entry.bytes > entry.limit:
        raise NoRoom(f"needs {count_of(entry.bytes, 'byte')}, data.cache.limit is {entry.limit:,}")
    if entry.bytes > storage.free_space(folder):
        raise NoRoom(f"needs {count_of(entry.bytes, 'byte')}, the disk has fewer")


@contextlib.contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    """Hold a lock that the system frees when the process ends, however it ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        log.info("waiting for another process that writes to %s", printable(str(lock_file.parent)))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
