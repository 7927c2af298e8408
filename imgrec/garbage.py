"""When Python looks for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Look for no garbage in the context, where there is none, and count what it makes as old.

    Importing modules, or reading thousands of runs, makes so many objects that Python would look
    again and again: a sixth of the time that importing TensorFlow takes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # what others froze stays so
            gc.freeze()
            gc.unfreeze()  # into the oldest generation, which is looked through least often
        gc.enable()
