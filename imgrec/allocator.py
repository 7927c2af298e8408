"""How the C library keeps memory that is freed."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

# Of glibc's mallopt.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1


def give_blocks_back(size: int) -> None:
    """Have the C library return freed blocks of `size` bytes to the system, in every thread.

    By default, glibc soon keeps blocks of up to 32 MB, for each thread on its own: 16 threads that
    take turns kept 4.6 GB.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, size)
        mallopt(_TRIM_THRESHOLD, size)


def give_all_back() -> None:
    """Have the C library return all pages that hold nothing any more to the system."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
