"""C libraries that write on stderr themselves, such as libtiff of a broken file, kept quiet."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_python_speaks() -> Iterator[None]:
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
