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
    if sys.stderr is not None:
        sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
