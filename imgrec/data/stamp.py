"""Where an image comes from, and what tells without reading it that it changed."""

from __future__ import annotations

import os

import numpy as np

from imgrec.data.identity import identity_of
from imgrec.data.records import Slice, Source


def place(source: Source) -> str:
    """Return what names the image on this machine: its absolute path, or the hash of pixels."""
    if isinstance(source, np.ndarray):
        return identity_of(source)
    if isinstance(source, Slice):
        return f"{os.path.abspath(source.path)}\0{source.start}\0{source.length}"  # noqa: PTH100
    return os.path.abspath(source)  # noqa: PTH100 - Path.absolute() keeps `..`


def stamp(source: Source) -> str:
    """Return the size and the time of change (ns) of the image's file.

    Empty where there is no such file, and for pixels: they are their own place.
    """
    if isinstance(source, np.ndarray):
        return ""
    path = source.path if isinstance(source, Slice) else source
    try:
        status = path.stat()
    except (OSError, ValueError):  # a ValueError: the path holds what no path can
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
