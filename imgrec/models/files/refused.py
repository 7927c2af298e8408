"""Why a model file is not loaded, and which files are read at all."""

from __future__ import annotations

import stat
from pathlib import Path

from imgrec.errors import RunError
from imgrec.text import printable

HINT = "see docs/security.md for what is safe to load, and what is refused"


class RefusedFile(Exception):
    """The reason why a model file is not loaded."""


def refusal(path: Path, reason: str, hint: str = HINT) -> RunError:
    """Return the error for a model file that is not loaded."""
    return RunError(f"{printable(str(path))} is refused: {reason}", hint=hint)


def check_file(path: Path, most: int) -> None:
    """Raise RunError unless `path` is a file of at most `most` bytes, and not empty."""
    place = printable(str(path))
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise RunError(f"{place} can't be read: {reason}") from error
    if not stat.S_ISREG(status.st_mode):
        raise RunError(f"{place} is not a file")
    if status.st_size == 0:
        raise RunError(f"{place} is empty")
    if status.st_size > most:
        raise RunError(f"{place} is refused: it is larger than {most >> 30} GiB")
