"""Decoded images in files that later trainings reuse: one per data set and form of the images."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

import imgrec
from imgrec.data.cache.folder import CacheEntry, obtain
from imgrec.data.images import (
    ImageSpec,
    ImageVerdict,
    file_stamp,
    inspect_images,
    source_key,
    verdict_of,
)
from imgrec.data.records import Record
from imgrec.progress import Progress

if sys.platform != "win32":
    import fcntl

MAGIC = b"imgrec-1"

_END = 8 + len(MAGIC)


@dataclass(frozen=True)
class CacheContent:
    """What a cache file holds.

    images: uint8 (sound images, height, width, channels), mapped; the file counts as in use
    while they are alive. stamps, verdicts: one per image, sound or not.
    """

    images: NDArray[np.uint8]
    stamps: tuple[str, ...]
    verdicts: tuple[ImageVerdict, ...]


def write_index(file: IO[bytes], stamps: Sequence[str], verdicts: Sequence[ImageVerdict]) -> None:
    """Finish `file`, which holds the pixels, with what is known of each image."""
    known = [
        [stamp, verdict.identity, verdict.fault]
        for stamp, verdict in zip(stamps, verdicts, strict=True)
    ]
    index = json.dumps(known).encode()
    file.write(index + len(index).to_bytes(8, "big") + MAGIC)
    file.truncate()


def read(path: Path, shape: tuple[int, int, int]) -> CacheContent | None:
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


def _content(file: IO[bytes], shape: tuple[int, int, int]) -> CacheContent:
    """Raise ValueError where the file is not whole."""
    end = file.seek(0, os.SEEK_END) - _END
    file.seek(max(0, end))
    tail = file.read()
    length = int.from_bytes(tail[:8], "big")
    if not tail.endswith(MAGIC) or len(tail) < _END or length > end:
        raise ValueError("no whole cache file")
    file.seek(end - length)
    known = json.loads(file.read(length))
    verdicts = tuple(ImageVerdict(identity, fault) for _, identity, fault in known)
    count = sum(not verdict.fault for verdict in verdicts)
    if count * int(np.prod(shape)) != end - length:
        raise ValueError("no whole cache file")
    return CacheContent(
        _map(file, (count, *shape)), tuple(stamp for stamp, _, _ in known), verdicts
    )


def _map(file: IO[bytes], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if shape[0] == 0:  # nothing can't be mapped
        return np.empty(shape, np.uint8)
    return np.asarray(np.memmap(file, np.uint8, "r", shape=shape))


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
            hold(file)
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


# What an image takes in the index, at most.
_INDEX_BYTES = 1000


@dataclass(frozen=True)
class Cached:
    """Images in a cache file.

    images: uint8 (n, height, width, channels), mapped. rows: where in it each readable record
    is, in the order of the records. verdicts: one per record. reused: the file was there.
    """

    path: Path
    images: NDArray[np.uint8]
    rows: NDArray[np.intp]
    verdicts: tuple[ImageVerdict, ...]
    reused: bool


@dataclass(frozen=True)
class _Wanted:
    """What a file has to hold: these records in this order, as they are on disk now."""

    path: Path
    records: Sequence[Record]
    stamps: tuple[str, ...]
    spec: ImageSpec

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.spec.height, self.spec.width, self.spec.channels

    @property
    def bytes(self) -> int:
        return len(self.records) * (int(np.prod(self.shape)) + _INDEX_BYTES)


def open_cached(
    records: Sequence[Record], spec: ImageSpec, folder: Path, limit: int, progress: Progress
) -> Cached:
    """Return the pixels of `records` from their file in `folder`, written where it is missing.

    A file is written anew when an image's size or time of change is another, and never reused by
    another version of imgrec, Pillow or the JPEG library. limit: of all files together, in bytes.
    Raises NoRoom where there is none, OSError where the folder can't be used.
    """
    order = sorted(range(len(records)), key=lambda index: records[index].name)
    wanted = _wanted([records[index] for index in order], spec, folder)
    found, reused = obtain(
        CacheEntry(wanted.path, wanted.bytes, limit),
        lambda: _fresh(wanted),
        lambda file: _fill(file, wanted, progress),
    )
    return _cached(wanted.path, found, order, reused=reused)


def _wanted(records: Sequence[Record], spec: ImageSpec, folder: Path) -> _Wanted:
    from PIL import __version__ as pillow
    from PIL import features

    libjpeg = features.version("libjpeg_turbo") or features.version("jpg")
    stamps = tuple(file_stamp(record.source) for record in records)
    digest = hashlib.sha256(repr((imgrec.__version__, pillow, libjpeg, spec)).encode())
    for record in records:
        digest.update(source_key(record.source).encode("utf-8", "surrogatepass") + b"\n")
    return _Wanted(folder / f"{digest.hexdigest()[:32]}.pixels", records, stamps, spec)


def _fresh(wanted: _Wanted) -> CacheContent | None:
    """Return what the file holds, or None where it has to be written."""
    found = read(wanted.path, wanted.shape)
    if found is None or found.stamps != wanted.stamps:
        return None
    # A file may become readable with its time unchanged: its permissions, a disk that is back.
    bad = [pair for pair in zip(wanted.records, found.verdicts, strict=True) if pair[1].fault]
    same = all(verdict_of(record, wanted.spec) == verdict for record, verdict in bad)
    return found if same else None


def _fill(file: IO[bytes], wanted: _Wanted, progress: Progress) -> None:
    verdicts = inspect_images(
        wanted.records, wanted.spec, progress, lambda image: file.write(image.tobytes())
    )
    write_index(file, wanted.stamps, verdicts)


def _cached(path: Path, found: CacheContent, order: Sequence[int], *, reused: bool) -> Cached:
    """Return `found`, which is sorted as `order` says, in the order of the records."""
    sound = np.array([not verdict.fault for verdict in found.verdicts], bool)
    positions = np.argsort(np.array(order, np.intp))  # where in the file each record is
    rows = (np.cumsum(sound) - 1)[positions][sound[positions]]
    verdicts = tuple(found.verdicts[position] for position in positions)
    return Cached(path, found.images, rows, verdicts, reused)
