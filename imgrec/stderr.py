"""C libraries that write on stderr themselves, such as libtiff of a broken file, kept quiet."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def suppress_native_stderr() -> Iterator[None]:
    """Keep what native code writes to stderr back, and show it if the block fails.

    TF_CPP_MIN_LOG_LEVEL leaves out the lines that absl writes before it is initialised, and
    LiteRT does not read it.
    """
    with tempfile.TemporaryFile() as held:
        try:
            with _leading_to(held.fileno()):
                yield
        except Exception:
            held.seek(0)
            if sys.stderr is not None:
                sys.stderr.write(held.read().decode(errors="backslashreplace"))
            raise


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
    """Let what Python prints on stderr through, and nothing else, until the context ends.

    File descriptor 2 leads nowhere meanwhile, and `sys.stderr` goes to a copy of it. Where
    stderr is no file, nothing changes.
    """
    stream = sys.stderr
    try:
        number = stream.fileno()
    except (AttributeError, OSError, ValueError):
        yield
        return
    stream.flush()
    saved = os.dup(number)
    voice = os.fdopen(
        os.dup(number), "w", buffering=1, encoding=stream.encoding, errors=stream.errors
    )
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), number)
        sys.stderr = voice
        yield
    finally:
        sys.stderr = stream
        os.dup2(saved, number)
        os.close(saved)
        voice.close()
