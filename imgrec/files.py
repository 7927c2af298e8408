"""Write files and folders atomically."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from imgrec.errors import RunError, UsageError
from imgrec.text import printable

_PARTIAL = ".partial-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file next to `path`, then rename it to `path`.

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
    """Write `text` as UTF-8 to `path`, atomically."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, atomically."""
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def check_writable(path: Path) -> None:
    """Raise RunError if `write_atomically` could not write `path` now."""
    if path.is_dir():
        raise RunError(f"{printable(str(path))} is a folder", hint="choose the name of a file")
    try:
        tempfile.TemporaryFile(prefix=_PARTIAL, dir=path.parent).close()
    except OSError as error:
        raise cannot_write(path, error) from error


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

    Args:
        path: What would be written.
        kind: What `--output` expects, `file` or `folder`.
    """
    if path.exists():
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


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
