"""Decoded images in files that later trainings reuse: one per data set and form of the images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

import imgrec
from imgrec.data import cache_file
from imgrec.data.cache_file import Content
from imgrec.data.examine import Verdict, examine, verdict_of
from imgrec.data.images import ImageSpec
from imgrec.data.records import Record
from imgrec.data.stamp import place, stamp
from imgrec.data.store import Place, obtain
from imgrec.progress import Progress

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
        Place(wanted.path, wanted.bytes, limit),
        lambda: _fresh(wanted),
        lambda file: _fill(file, wanted, progress),
    )
    return _cached(wanted.path, found, order, reused=reused)


def _wanted(records: Sequence[Record], spec: ImageSpec, folder: Path) -> _Wanted:
    from PIL import __version__ as pillow
    from PIL import features

    libjpeg = features.version("libjpeg_turbo") or features.version("jpg")
    stamps = tuple(stamp(record.source) for record in records)
    digest = hashlib.sha256(repr((imgrec.__version__, pillow, libjpeg, spec)).encode())
    for record in records:
        digest.update(place(record.source).encode("utf-8", "surrogatepass") + b"\n")
    return _Wanted(folder / f"{digest.hexdigest()[:32]}.pixels", records, stamps, spec)


def _fresh(wanted: _Wanted) -> Content | None:
    """Return what the file holds, or None where it has to be written."""
    found = cache_file.read(wanted.path, wanted.shape)
    if found is None or found.stamps != wanted.stamps:
        return None
    # A file may become readable with its time unchanged: its permissions, a disk that is back.
    bad = [pair for pair in zip(wanted.records, found.verdicts, strict=True) if pair[1].fault]
    same = all(verdict_of(record, wanted.spec) == verdict for record, verdict in bad)
    return found if same else None


def _fill(file: IO[bytes], wanted: _Wanted, progress: Progress) -> None:
    verdicts = examine(
        wanted.records, wanted.spec, progress, lambda image: file.write(image.tobytes())
    )
    cache_file.write_index(file, wanted.stamps, verdicts)


def _cached(path: Path, found: Content, order: Sequence[int], *, reused: bool) -> Cached:
    """Return `found`, which is sorted as `order` says, in the order of the records."""
    sound = np.array([not verdict.fault for verdict in found.verdicts], bool)
    positions = np.argsort(np.array(order, np.intp))  # where in the file each record is
    rows = (np.cumsum(sound) - 1)[positions][sound[positions]]
    verdicts = tuple(found.verdicts[position] for position in positions)
    return Cached(path, found.images, rows, verdicts, reused)
