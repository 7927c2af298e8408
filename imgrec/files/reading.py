"""Read regular files, bounded, and say why one can't be used."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from io import BufferedReader
from pathlib import Path

MAX_DOCUMENT_BYTES = 64 << 20
"""Of a card, a config or another document that is read whole."""

MAX_TABLE_BYTES = 1 << 30
"""Of a file with a line or an entry for each image."""

NO_LINK = getattr(os, "O_NOFOLLOW", 0)

NO_WAIT = getattr(os, "O_NONBLOCK", 0)

_CHUNK = 1 << 20


def open_regular(path: Path, *, follow_links: bool = True) -> BufferedReader:
    """Open a regular file to read its bytes.

    Raises:
        OSError: It can't be read, or is a pipe or a device: those may wait, or never end. So is a
            link, unless links are followed.
        ValueError: No file can have this path.
    """
    _check_regular(path.stat(follow_symlinks=follow_links))
    opened = _opened_regular if follow_links else _opened_without_link
    return open(path, "rb", opener=opened)


def read_regular(path: Path, limit: int, *, follow_links: bool = True) -> bytes:
    """Return the bytes of a regular file, of which there may be `limit`.

    Raises:
        OSError: It can't be read, is not a regular file, or is larger. So is a link, unless links
            are followed.
        ValueError: No file can have this path.
    """
    with open_regular(path, follow_links=follow_links) as file:
        return read_bounded(file, limit)


def read_bounded(file: BufferedReader, limit: int) -> bytes:
    """Return the rest of a regular file, of which there may be `limit` bytes; raises OSError."""
    size = os.fstat(file.fileno()).st_size
    start = file.tell()
    if size - start > limit:
        raise _too_large(limit)
    content = file.read(size - start + 1)
    if start + len(content) <= size:
        return content
    # /proc gives no sizes, and files grow.
    while len(content) <= limit and (more := file.read(_CHUNK)):
        content += more
    if len(content) > limit:
        raise _too_large(limit)
    return content


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in chunks; raises OSError."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_mode(path: Path) -> int | None:
    """Return the permissions of a regular file; None if there is none, or a link."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    return mode & 0o777 if stat.S_ISREG(mode) else None


def is_own(found: os.stat_result) -> bool:
    """Return whether a file or folder belongs to the user of this process."""
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def is_private(found: os.stat_result) -> bool:
    """Return whether a file or folder is of this user or root, and nobody else may write to it."""
    if sys.platform == "win32":
        return True
    trusted = is_own(found) or found.st_uid == 0
    return trusted and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def reason_of(error: BaseException) -> str:
    """Return why a file can't be used, as a phrase that begins in lower case.

    Example:
        >>> reason_of(OSError(errno.ENOENT, "No such file or directory"))
        'no such file or directory'
    """
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(why[:1].lower() + why[1:])


def _opened_regular(name: str, flags: int) -> int:
    # What was a file a moment ago may be a pipe: it is opened without waiting for a writer.
    descriptor = os.open(name, flags | NO_WAIT)
    try:
        _check_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _opened_without_link(name: str, flags: int) -> int:
    return _opened_regular(name, flags | NO_LINK)


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "a link, which is not followed")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")


def _too_large(limit: int) -> OSError:
    return OSError(errno.EFBIG, f"larger than {limit >> 20} MiB")
