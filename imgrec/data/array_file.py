"""An array in a file of NumPy's own format, written part by part and mapped."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data import cache_file

# What the header takes, at most.
_HEADER_BYTES = 1000


def write_array(
    file: IO[bytes], shape: tuple[int, ...], dtype: str, parts: Iterable[NDArray[Any]]
) -> None:
    """Write the array of `shape` and `dtype` whose rows come in `parts`, one after another."""
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    for part in parts:
        file.write(np.ascontiguousarray(part, dtype).tobytes())


def read_array(path: Path, shape: tuple[int, ...], dtype: str) -> NDArray[Any] | None:
    """Return the array in the file at `path`, mapped; the file is in use while it is alive.

    None where there is no such file, or it holds another array or not the whole of it.
    """
    try:
        with path.open("rb") as file:
            cache_file.hold(file)
            if os.fstat(file.fileno()).st_nlink == 0:  # removed just before it was held
                return None
            np.lib.format.read_magic(file)
            if np.lib.format.read_array_header_1_0(file) != (shape, False, np.dtype(dtype)):
                return None
            return np.asarray(np.memmap(file, dtype, "r", file.tell(), shape))
    except (FileNotFoundError, ValueError):
        return None


def size_of(shape: tuple[int, ...], dtype: str) -> int:
    """Return the bytes that such a file takes, at most."""
    return int(np.prod(shape)) * np.dtype(dtype).itemsize + _HEADER_BYTES
