"""What native libraries write on stderr, kept back."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def muted() -> Iterator[None]:
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
