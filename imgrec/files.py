"""Write files and folders atomically, and through what is not a regular file."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path, PurePath

from imgrec.errors import RunError, UsageError
from imgrec.text import printable

_PARTIAL = ".partial-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_output(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, whose content then becomes that of `path`.

    A regular file is replaced in one step. A link is followed, also to a file that does not exist
    yet. A device or a pipe gets the content, and stays what it is.

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

    Raises:
        RunError: The folder is not writable or the disk is full; `path` is unchanged.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=_PARTIAL, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_folder(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a new folder next to `path`, then rename it to `path`.

    Raises:
        RunError: It can't be written; nothing is left of it.
    """
    temporary: Path | None = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=path.parent))
        write(temporary)
        temporary.chmod(0o755)
        temporary.rename(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


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


def refuse_existing(path: Path, kind: str = "file") -> None:
    """Raise UsageError if `path` exists; the hint suggests another `--output`.

    A device or a pipe is not refused as a file, since it is not replaced.

    Args:
        path: What would be written.
        kind: What `--output` expects, `file` or `folder`.
    """
    if path.exists() and not (kind == "file" and is_stream(path)):
        raise UsageError(
            f"{printable(str(path))} already exists",
            hint=f"remove it, or choose another {kind} with --output {kind.upper()}",
        )


def cannot_write(path: Path, error: OSError) -> RunError:
    """Return the error to raise if `path` can't be written."""
    reason, hint = error.strerror or str(error), "choose a folder that is writable"
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


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in chunks; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
