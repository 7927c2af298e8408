"""One cache file: the pixels of many images, then an index that says whose they are.

    pixels, uint8 (images, height, width, channels) | index, JSON | its length, 8 bytes | MAGIC

Only sound images have pixels. Whoever has the file open holds a lock on it that others see.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from imgrec.data.examine import Verdict

if sys.platform != "win32":
    import fcntl

MAGIC = b"imgrec-1"

_END = 8 + len(MAGIC)


@dataclass(frozen=True)
class Content:
    """What a cache file holds.

    images: uint8 (sound images, height, width, channels), mapped; the file counts as in use
    while they are alive. stamps, verdicts: one per image, sound or not.
    """

    images: NDArray[np.uint8]
    stamps: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


def write_index(file: IO[bytes], stamps: Sequence[str], verdicts: Sequence[Verdict]) -> None:
    """Finish `file`, which holds the pixels, with what is known of each image."""
    known = [
        [stamp, verdict.identity, verdict.fault]
        for stamp, verdict in zip(stamps, verdicts, strict=True)
    ]
    index = json.dumps(known).encode()
    file.write(index + len(index).to_bytes(8, "big") + MAGIC)
    file.truncate()


def read(path: Path, shape: tuple[int, int, int]) -> Content | None:
    """Return the content of the file at `path`, whose images have `shape`.

    None where there is no such file, or none that was written whole.
    """
    try:
        with path.open("rb") as file:
            hold(file)
            if os.fstat(file.fileno()).st_nlink == 0:  # removed just before it was held
                return None
            return _content(file, shape)
    except (FileNotFoundError, ValueError, TypeError):
        return None


def hold(file: IO[bytes]) -> None:
    """Mark `file` as in use until it and every mapping of it are closed."""
    # Elsewhere a file that is open can't be removed anyway.
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_SH)


def remove_unused(path: Path) -> bool:
    """Remove the file at `path` unless a process has it open; say whether it is gone."""
    try:
        with path.open("rb") as file:
            if sys.platform != "win32":
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                return True
        path.unlink()
    except FileNotFoundError:
        return True
    except OSError:  # in use, or another user's
        return False
    return True


def _content(file: IO[bytes], shape: tuple[int, int, int]) -> Content:
    """Raise ValueError where the file is not whole."""
    end = file.seek(0, os.SEEK_END) - _END
    file.seek(max(0, end))
    tail = file.read()
    length = int.from_bytes(tail[:8], "big")
    if not tail.endswith(MAGIC) or len(tail) < _END or length > end:
        raise ValueError("no whole cache file")
    file.seek(end - length)
    known = json.loads(file.read(length))
    verdicts = tuple(Verdict(identity, fault) for _, identity, fault in known)
    count = sum(not verdict.fault for verdict in verdicts)
    if count * int(np.prod(shape)) != end - length:
        raise ValueError("no whole cache file")
    return Content(_map(file, (count, *shape)), tuple(stamp for stamp, _, _ in known), verdicts)


def _map(file: IO[bytes], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if shape[0] == 0:  # nothing can't be mapped
        return np.empty(shape, np.uint8)
    return np.asarray(np.memmap(file, np.uint8, "r", shape=shape))
