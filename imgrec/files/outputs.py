"""The file that a command writes: where it may be, and that it replaces nothing by mistake."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from imgrec.errors import RunError, UsageError
from imgrec.files.atomic import PARTIAL, cannot_write, is_stream, linked, writing
from imgrec.interface import offers, option
from imgrec.text import printable


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


def check_writable(path: Path) -> None:
    """Raise RunError if `write_output` could not write `path` now."""
    import tempfile

    if path.is_dir():
        raise RunError(f"{printable(str(path))} is a folder", hint="choose the name of a file")
    if is_stream(path):
        if not os.access(path, os.W_OK):
            raise cannot_write(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        return
    path = linked(path)
    with writing(path):
        tempfile.TemporaryFile(prefix=PARTIAL, dir=path.parent).close()
