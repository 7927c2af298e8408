"""Write files and folders atomically, also through devices and pipes."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path, PurePath

from imgrec.errors import RunError
from imgrec.files.reading import NO_LINK, NO_WAIT, file_mode, is_own, reason_of
from imgrec.text import printable

PARTIAL = ".partial-"

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
    import shutil
    import tempfile

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
    import shutil

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
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | (os.O_EXCL if new else 0) | NO_LINK | NO_WAIT
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


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, as `write_output` does."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, as `write_output` does."""
    write_output(path, lambda temporary: temporary.write_bytes(content))


def remove_partial(folder: Path) -> None:
    """Remove temporary files and folders, left by killed processes, in and below `folder`.

    Raises:
        RunError: One can't be removed.
    """
    import shutil

    try:
        for path in list(folder.rglob(f"{PARTIAL}*")):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                # It may have been removed with a folder above it.
                path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


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


def _beside(path: Path) -> Path:
    """Return a name in the folder of `path` that can't be guessed."""
    return path.parent / f"{PARTIAL}{os.urandom(8).hex()}{path.suffix}"


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
