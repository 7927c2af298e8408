"""Arrays in cache files, in NumPy's own format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.cache_files import CacheEntry, CacheWriter, obtain

# What the header takes, at most.
_HEADER_BYTES = 1000


def open_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: str,
    limit: int,
    parts: Callable[[], Iterable[NDArray[Any]]],
) -> tuple[NDArray[Any], bool]:
    """Return the array in the cache file at `path`, mapped, and whether it was there already.

    The file is in use while the array is alive. It is written if it is missing, or holds another
    array or not the whole of it.

    Args:
        path: Its suffix is one of those of caches.
        shape: Of the array.
        dtype: Of the array.
        limit: What all files of the folder may take together, in bytes.
        parts: Returns its rows, some at a time.

    Raises:
        NoRoom: There is no room for it.
        OSError: The folder can't be used.
    """
    kind = np.dtype(dtype).str  # of bfloat16 it says only that a value has two bytes

    def read(file: IO[bytes], _size: int) -> NDArray[Any] | None:
        np.lib.format.read_magic(file)
        if np.lib.format.read_array_header_1_0(file) != (shape, False, np.dtype(kind)):
            return None
        return np.asarray(np.memmap(file, dtype, "r", file.tell(), shape))

    def write(file: CacheWriter) -> None:
        header = {"descr": kind, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts():
            file.write(np.ascontiguousarray(part, dtype).tobytes())

    size = int(np.prod(shape)) * np.dtype(dtype).itemsize + _HEADER_BYTES
    return obtain(CacheEntry(path, size, limit), read, write)
