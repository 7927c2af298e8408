"""Decoded images in files that later trainings reuse.

The folder holds a file per data set and form of the images. It is complete or not there: it is
written beside its place and renamed. Who writes one holds its lock, and others who want it wait;
who dies leaves a partial file, which the next writer removes. Files together stay below a limit:
the one not used for longest goes first, and none that a process has open.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import imgrec
from imgrec.data import cache_file
from imgrec.data.cache_file import Content
from imgrec.data.examine import Verdict, examine, verdict_of
from imgrec.data.images import ImageSpec
from imgrec.data.records import Record
from imgrec.data.stamp import place, stamp
from imgrec.progress import Progress
from imgrec.text import shown

log = logging.getLogger("imgrec")

_SUFFIX, _PARTIAL = ".pixels", ".partial"

# What an image takes in the index, at most.
_INDEX_BYTES = 1000


class NoRoom(Exception):
    """The images don't fit below the limit or on the disk."""


@dataclass(frozen=True)
class Cached:
    """Images in a cache file.

    images: uint8 (n, height, width, channels), mapped. rows: where in it each readable record
    is, in the order of the records. verdicts: one per record. reused: the file was there.
    """

    path: Path
    images: NDArray[np.uint8]
    rows: NDArray[np.intp]
    verdicts: tuple[Verdict, ...]
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


def cache_folder() -> Path:
    """Return the folder for caches: IMGREC_CACHE, or `imgrec` below XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("IMGREC_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imgrec"


def open_cached(
    records: Sequence[Record], spec: ImageSpec, folder: Path, limit: int, progress: Progress
) -> Cached:
    """Return the pixels of `records` from their file in `folder`, written where it is missing.

    A file is written anew when an image's size or time of change is another, and never reused by
    another version of imgrec, Pillow or the JPEG library. limit: of all files together, in bytes.
    Raises NoRoom where there is none, OSError where the folder can't be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    order = sorted(range(len(records)), key=lambda index: records[index].name)
    wanted = _wanted([records[index] for index in order], spec, folder)
    found = _fresh(wanted)
    reused = found is not None
    if found is None:
        with _alone(wanted.path.with_suffix(".lock")):
            found = _fresh(wanted)
            reused = found is not None
            while found is None:
                _write(wanted, limit, progress)
                found = _fresh(wanted)
    with contextlib.suppress(OSError):  # another user's
        os.utime(wanted.path)  # used now: the last to be removed
    return _cached(wanted.path, found, order, reused=reused)


def _wanted(records: Sequence[Record], spec: ImageSpec, folder: Path) -> _Wanted:
    from PIL import __version__ as pillow
    from PIL import features

    libjpeg = features.version("libjpeg_turbo") or features.version("jpg")
    stamps = tuple(stamp(record.source) for record in records)
    digest = hashlib.sha256(repr((imgrec.__version__, pillow, libjpeg, spec)).encode())
    for record in records:
        digest.update(place(record.source).encode("utf-8", "surrogatepass") + b"\n")
    return _Wanted(folder / f"{digest.hexdigest()[:32]}{_SUFFIX}", records, stamps, spec)


def _fresh(wanted: _Wanted) -> Content | None:
    """Return what the file holds, or None where it has to be written."""
    found = cache_file.read(wanted.path, wanted.shape)
    if found is None or found.stamps != wanted.stamps:
        return None
    # A file may become readable with its time unchanged: its permissions, a disk that is back.
    bad = [pair for pair in zip(wanted.records, found.verdicts, strict=True) if pair[1].fault]
    same = all(verdict_of(record, wanted.spec) == verdict for record, verdict in bad)
    return found if same else None


def _write(wanted: _Wanted, limit: int, progress: Progress) -> None:
    partial = wanted.path.with_suffix(_PARTIAL)
    with _alone(wanted.path.parent / "room.lock"):
        _make_room(wanted, limit)
        file = partial.open("wb")
        cache_file.hold(file)
        file.truncate(wanted.bytes)  # counts from now on
    try:
        with file:
            verdicts = examine(
                wanted.records, wanted.spec, progress, lambda image: file.write(image.tobytes())
            )
            cache_file.write_index(file, wanted.stamps, verdicts)
        partial.replace(wanted.path)
    finally:
        partial.unlink(missing_ok=True)


def _make_room(wanted: _Wanted, limit: int) -> None:
    """Remove what was left behind, and files until another of `wanted.bytes` fits."""
    folder = wanted.path.parent
    for partial in folder.glob(f"*{_PARTIAL}"):
        cache_file.remove_unused(partial)
    sizes = {path: path.stat() for path in folder.iterdir() if path.suffix in {_SUFFIX, _PARTIAL}}
    taken = sum(status.st_size for status in sizes.values())
    # What is to be replaced goes first.
    for path in sorted(sizes, key=lambda path: (path != wanted.path, sizes[path].st_mtime_ns)):
        if taken + wanted.bytes <= limit or wanted.bytes > limit:
            break
        if path.suffix == _SUFFIX and cache_file.remove_unused(path):
            taken -= sizes[path].st_size
    if taken + wanted.bytes > limit:
        raise NoRoom(f"{wanted.bytes:,} bytes are needed, data.cache.limit is {limit:,}")
    if wanted.bytes > shutil.disk_usage(folder).free:
        raise NoRoom(f"{wanted.bytes:,} bytes are needed, the disk has fewer")


@contextlib.contextmanager
def _alone(lock_file: Path) -> Iterator[None]:
    """Hold a lock that the system frees when the process ends, however it ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        log.info("waiting for another training that writes %s", shown(str(lock_file.parent)))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _cached(path: Path, found: Content, order: Sequence[int], *, reused: bool) -> Cached:
    """Return `found`, which is sorted as `order` says, in the order of the records."""
    sound = np.array([not verdict.fault for verdict in found.verdicts], bool)
    positions = np.argsort(np.array(order, np.intp))  # where in the file each record is
    rows = (np.cumsum(sound) - 1)[positions][sound[positions]]
    verdicts = tuple(found.verdicts[position] for position in positions)
    return Cached(path, found.images, rows, verdicts, reused)
