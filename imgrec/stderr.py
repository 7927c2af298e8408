"""Keep what libraries print out of the way, such as libtiff's words about a broken file."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from pathlib import Path
from typing import IO

# Streams belong to the process: of two threads that redirect one, the last would restore what the
# first had redirected.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Hold back what native code writes to stderr, and show it only if the block fails.

    TF_CPP_MIN_LOG_LEVEL does not silence the lines that absl writes before it is initialized, and
    LiteRT ignores it.
    """
    with _ONE_AT_A_TIME, _scratch_file() as held:
        try:
            with _leading_to(held.fileno()):
                yield
        except Exception:
            held.seek(0)
            if sys.stderr is not None:
                sys.stderr.write(held.read().decode(errors="backslashreplace"))
            raise


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Show on stderr what Python code prints to stdout, which is for results."""
    with _ONE_AT_A_TIME, redirect_stdout(sys.stderr):
        yield


def _scratch_file() -> IO[bytes]:
    """Open a file without a name; on Linux in memory, as no folder may be writable."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("stderr"), "w+b")
    import tempfile

    return tempfile.TemporaryFile()


@contextmanager
def _leading_to(file: int) -> Iterator[None]:
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def keep_native_stderr_out() -> Iterator[None]:
    """Show only what Python itself prints to stderr, until the context ends.

    Meanwhile file descriptor 2 leads to /dev/null, and `sys.stderr` to a copy of it. If stderr is
    not a file, nothing changes.
    """
    stream = sys.stderr
    saved = _keep_out()
    try:
        yield
    finally:
        if saved is not None:
            voice, sys.stderr = sys.stderr, stream
            os.dup2(saved, stream.fileno())
            os.close(saved)
            voice.close()


@cache
def keep_native_stderr_out_at_exit() -> None:
    """Show only what Python itself prints to stderr when the process ends.

    Libraries then free what Python can't free before.
    """
    atexit.register(_keep_out)


def _keep_out() -> int | None:
    """Lead file descriptor 2 to /dev/null, and `sys.stderr` to a copy of it.

    Returns:
        Another copy, to restore it; None if stderr is not a file.
    """
    stream = sys.stderr
    try:
        number = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    stream.flush()
    saved = os.dup(number)
    voice = os.fdopen(
        os.dup(number), "w", buffering=1, encoding=stream.encoding, errors=stream.errors
    )
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), number)
    sys.stderr = voice
    return saved
