"""Why a model file is not loaded, and which files are read at all."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path

from imgrec.errors import RunError
from imgrec.files import reason_of
from imgrec.text import printable

HINT = "see docs/security.md for what is safe to load, and what is refused"


class RefusedFile(Exception):
    """The reason why a model file is not loaded."""


def refusal(path: Path, reason: str, hint: str = HINT) -> RunError:
    """Return the error for a model file that is not loaded."""
    return RunError(f"{printable(str(path))} is refused: {reason}", hint=hint)


@contextlib.contextmanager
def refusing(path: Path, part: str) -> Iterator[None]:
    """Raise RunError for what reading a damaged or refused `.keras` or HDF5 file raises.

    Args:
        path: The file.
        part: What is read of it, for the message.
    """
    place = printable(str(path))
    try:
        yield
    except RefusedFile as error:
        raise refusal(path, str(error)) from error
    except _damage() as error:
        raise RunError(
            f"{place} is not a complete .keras file: {printable(str(error))}", hint=HINT
        ) from error
    except OSError as error:  # also of bzip2
        reason = printable(reason_of(error))
        raise RunError(f"{place} can't be read: {reason}", hint=HINT) from error
    except (ValueError, NotImplementedError, RuntimeError) as error:
        reason = printable(str(error))[:200]
        raise refusal(path, f"its {part} can't be read: {reason}") from error


def _damage() -> tuple[type[Exception], ...]:
    import lzma
    import zipfile
    import zlib

    # The last two are from a compression.
    return EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError


def check_file(path: Path, most: int) -> None:
    """Raise RunError unless `path` is a file of at most `most` bytes, and not empty."""
    place = printable(str(path))
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "no such file"
        raise RunError(f"{place} can't be read: {reason}") from error
    if not stat.S_ISREG(status.st_mode):
        raise RunError(f"{place} is not a file")
    if status.st_size == 0:
        raise RunError(f"{place} is empty")
    if status.st_size > most:
        raise RunError(f"{place} is refused: it is larger than {most >> 30} GiB")
