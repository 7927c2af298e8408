"""How the C library keeps memory that is freed."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's mallopt.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1

_ON_LINUX = sys.platform == "linux"


def give_blocks_back(size: int) -> None:
    """Have the C library return freed blocks of `size` bytes to the system, in every thread.

    By default, glibc soon keeps blocks of up to 32 MB, for each thread on its own: 16 threads that
    take turns kept 4.6 GB.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if _ON_LINUX else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, size)
        mallopt(_TRIM_THRESHOLD, size)


def give_all_back() -> None:
    """Have the C library return all pages that hold nothing any more to the system."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if _ON_LINUX else None
    if trim is not None:
        trim(0)
