"""Write files and folders atomically, also through devices and pipes, and read regular files."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedReader, FileIO
from pathlib import Path, PurePath

from imgrec.errors import RunError, UsageError
from imgrec.interface import offers, option
from imgrec.text import printable

_PARTIAL = ".partial-"
_CHUNK = 1 << 20

MAX_DOCUMENT_BYTES = 64 << 20
"""Of a card, a config or another document that is read whole."""

MAX_TABLE_BYTES = 1 << 30
"""Of a file with a line or an entry for each image."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_output(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, whose content then becomes that of `path`.

    A regular file is replaced in one step and keeps its permissions. A link is followed, also to a
    file that does not exist yet. A device or a pipe gets the content, and stays what it is.

    Args:
        path: A file that the user named.
        write: Fills the file that it is given.

    Raises:
        RunError: It can't be written, or the disk is full; a regular file is unchanged.
    """
    if not is_stream(path):
        write_atomically(linked(path), write)
        return
    with writing(path), tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / f"content{path.suffix}"
        temporary.touch()
        write(temporary)
        with temporary.open("rb") as content, open_stream(path) as stream:
            shutil.copyfileobj(content, stream)


def is_stream(path: Path) -> bool:
    """Return whether `path` is, or leads to, a device, a pipe or a socket.

    An open file, such as /dev/stdout, counts as one: whoever opened it would not see a replacement.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or _is_open_file(path)


def open_stream(path: Path) -> FileIO:
    """Open a device or a pipe to write bytes; a pipe waits for its reader. Raises OSError."""
    return FileIO(os.open(path, os.O_WRONLY | os.O_APPEND), "wb")


def write_all(file: FileIO, content: bytes) -> None:
    """Write all of `content` to a file without a buffer; raises OSError."""
    while content:
        content = content[file.write(content) :]


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise `cannot_write` for any OSError in the context."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def linked(path: Path) -> Path:
    """Return the file that a link leads to, whether it exists or not; `path` if it is not a link.

    Raises:
        RunError: The links lead back to themselves.
    """
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise cannot_write(path, OSError(errno.ELOOP, os.strerror(errno.ELOOP)))
    return target


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file next to `path`, then rename it to `path`.

    This is for files in folders of imgrec. A link is replaced, so that a run from somebody else
    can't have other files overwritten; see `write_output` for files that the user named.
    A file that is replaced keeps its permissions; a new one has those that the umask allows.

    Raises:
        RunError: The folder is not writable or the disk is full; `path` is unchanged.
    """
    temporary: Path | None = None
    try:
        mode = file_mode(path)
        # Until then, nobody else reads what belongs into a file that may be private.
        temporary = _created(path, 0o666 if mode is None else 0o600)
        write(temporary)
        _sync(temporary)
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, as `write_atomically` does."""
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def write_folder(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a new folder next to `path`, then rename it to `path`.

    It has the permissions that the umask allows.

    Raises:
        RunError: It can't be written; nothing is left of it.
    """
    temporary: Path | None = None
    try:
        temporary = _beside(path)
        temporary.mkdir()
        write(temporary)
        temporary.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def open_own(path: Path, *, new: bool, mode: int | None = None) -> FileIO:
    """Open a file under a name that others can guess, to read and to append bytes.

    It is never opened through a link, and never if it is not a regular file of this user with
    one name: in a folder that others write to, it could be theirs, or lead to another file.

    Args:
        path: The file; it is created if it doesn't exist.
        new: Whether one that exists is removed first.
        mode: The permissions of a new file; None: those that the umask allows.

    Raises:
        OSError: It can't be opened, or is not such a file.
    """
    if new:
        path.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | (os.O_EXCL if new else 0) | _NO_LINK | _NO_WAIT
    with ExitStack() as opened:
        created = 0o666 if mode is None else 0o600
        file = FileIO(str(path), "a+b", opener=lambda name, _: os.open(name, flags, created))
        opened.callback(file.close)
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or not is_own(found):
            raise OSError(errno.EPERM, f"{path.name} is not a regular file of this user")
        if new and mode is not None and sys.platform != "win32":
            os.fchmod(file.fileno(), mode)
        opened.pop_all()
    return file


def is_own(found: os.stat_result) -> bool:
    """Return whether a file or folder belongs to the user of this process."""
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def is_private(found: os.stat_result) -> bool:
    """Return whether a file or folder is of this user or root, and nobody else may write to it."""
    if sys.platform == "win32":
        return True
    trusted = is_own(found) or found.st_uid == 0
    return trusted and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def file_mode(path: Path) -> int | None:
    """Return the permissions of a regular file; None if there is none, or a link."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    return mode & 0o777 if stat.S_ISREG(mode) else None


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


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, as `write_output` does."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, as `write_output` does."""
    write_output(path, lambda temporary: temporary.write_bytes(content))


def check_writable(path: Path) -> None:
    """Raise RunError if `write_output` could not write `path` now."""
    if path.is_dir():
        raise RunError(f"{printable(str(path))} is a folder", hint="choose the name of a file")
    if is_stream(path):
        if not os.access(path, os.W_OK):
            raise cannot_write(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        return
    path = linked(path)
    with writing(path):
        tempfile.TemporaryFile(prefix=_PARTIAL, dir=path.parent).close()


def remove_partial(folder: Path) -> None:
    """Remove temporary files and folders, left by killed processes, in and below `folder`.

    Raises:
        RunError: One can't be removed.
    """
    try:
        for path in list(folder.rglob(f"{_PARTIAL}*")):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                # It may have been removed with a folder above it.
                path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def chosen_output(
    path: Path | None, default: Path, suffixes: Sequence[str], *, edited: bool = False
) -> Path:
    """Return the file to write: one that the user named may be replaced, the default one not.

    Args:
        path: The file that the user named, if any.
        default: The file to write otherwise.
        suffixes: Those that `path` may have.
        edited: Whether people edit such files, so that none is replaced.

    Raises:
        RunError: It can't be written.
        UsageError: `path` has another suffix, or there is a file that is not replaced.
    """
    if path is not None:
        check_suffix(path, suffixes)
    chosen = path or default
    if path is None or (edited and not is_stream(path)):
        refuse_existing(chosen)
    check_writable(chosen)
    return chosen


def check_suffix(path: Path, allowed: Sequence[str]) -> None:
    """Raise UsageError unless the suffix of a file is one of those `allowed`, in any case.

    Args:
        path: The file that the user named.
        allowed: The suffixes, such as `.csv`; the hint suggests the first one.
    """
    if path.suffix.lower() in allowed:
        return
    problem = f"unknown format {printable(path.suffix)}" if path.suffix else "no suffix"
    others = f", or another of {', '.join(allowed)}" if len(allowed) > 1 else ""
    written = path.parent / f"{path.stem or 'file'}{allowed[0]}"
    raise UsageError(
        f"{printable(str(path))}: {problem}",
        hint=f"write {printable(str(written))}{others}",
    )


def refuse_existing(
    path: Path, kind: str = "file", other: Path | None = None, *, by: str = "output"
) -> None:
    """Raise UsageError if `path`, which imgrec chose or which is a folder, exists.

    So does a link that leads nowhere.

    Args:
        path: What would be written.
        kind: What `--output` expects, `file` or `folder`.
        other: What the hint suggests for it.
        by: The option that chooses it.
    """
    if path.exists() or path.is_symlink():
        value = kind.upper() if other is None else str(other)
        how = f" with {option(by, value)}" if offers(by) else ""
        raise UsageError(
            f"{printable(str(path))} already exists",
            hint=f"remove it, or choose another {kind}{how}",
        )


def cannot_write(path: Path, error: OSError) -> RunError:
    """Return the error to raise if `path` can't be written."""
    reason, hint = reason_of(error), "choose a folder that is writable"
    if error.errno in _FULL:
        hint = f"free some space, or {hint}"
    elif error.errno in (errno.EEXIST, errno.ENOTDIR):
        reason, hint = "a file is in the place of a folder", "choose another folder"
    elif error.errno == errno.ENOENT and path.parent.is_dir():
        reason = f"{printable(str(path.parent))} does not accept files"  # such as /proc
    elif error.errno == errno.ENOENT:
        reason, hint = (
            f"there is no folder {printable(str(path.parent))}",
            "create the folder, or choose another",
        )
    return RunError(f"{printable(str(path))} can't be written: {reason}", hint=hint)


def reason_of(error: BaseException) -> str:
    """Return why a file can't be used, as a phrase that begins in lower case.

    Example:
        >>> reason_of(OSError(errno.ENOENT, "No such file or directory"))
        'no such file or directory'
    """
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(why[:1].lower() + why[1:])


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in chunks; raises OSError."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def _opened_regular(name: str, flags: int) -> int:
    # What was a file a moment ago may be a pipe: it is opened without waiting for a writer.
    descriptor = os.open(name, flags | _NO_WAIT)
    try:
        _check_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _opened_without_link(name: str, flags: int) -> int:
    return _opened_regular(name, flags | _NO_LINK)


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "a link, which is not followed")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")


def _too_large(limit: int) -> OSError:
    return OSError(errno.EFBIG, f"larger than {limit >> 20} MiB")


def _beside(path: Path) -> Path:
    """Return a name in the folder of `path` that can't be guessed."""
    return path.parent / f"{_PARTIAL}{secrets.token_hex(8)}{path.suffix}"


def _created(path: Path, mode: int) -> Path:
    """Create and return an empty file beside `path`."""
    temporary = _beside(path)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    return temporary


def _is_open_file(path: Path) -> bool:
    """Return whether a link such as /dev/stdout leads to a file that a process has open."""
    while path.is_symlink():
        if PurePath(os.path.realpath(path.parent)).match("/proc/*/fd"):
            return True
        path = path.parent / path.readlink()
    return False


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
