"""Decoded images in files that later trainings reuse: one per data set and form of the images.

A file holds the pixels of all sound images, one after another, then an index in JSON with what is
known of each image, and its length in 8 bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from imgrec.data.cache.inspection import (
    ImageVerdict,
    file_stamp,
    inspect_images,
    source_key,
    verdict_of,
)
from imgrec.data.cache_files import CACHE_VERSION, CacheEntry, CacheWriter, obtain
from imgrec.data.images import ImageSpec, Traits
from imgrec.data.records import Record
from imgrec.json_documents import parse_json
from imgrec.progress import Progress
from imgrec.versions import pixel_versions

_END = 8

# What an image takes in the index, at most.
_INDEX_BYTES = 1000


@dataclass(frozen=True)
class CacheContent:
    """What a cache file holds.

    images: uint8 (sound images, height, width, channels), mapped; the file counts as in use
    while they are alive. stamps, verdicts: one per image, sound or not.
    """

    images: NDArray[np.uint8]
    stamps: tuple[str, ...]
    verdicts: tuple[ImageVerdict, ...]


@dataclass(frozen=True)
class Cached:
    """Images in a cache file.

    images: uint8 (n, height, width, channels), mapped. rows: the index into it of each readable
    record, in the order of the records. verdicts: one per record. reused: the file was there.
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
    """Return the pixels of `records` from their file in `folder`, written if it is missing.

    A file is written again if an image's `file_stamp` differs, and never reused with another
    version of the decoder, Pillow or a codec.

    Args:
        records: The images.
        spec: The form of their pixels.
        folder: That of the caches.
        limit: What all files of the folder may take together, in bytes.
        progress: Shows how far it is.

    Raises:
        NoRoom: There is no room for the file.
        OSError: The folder can't be used.
    """
    order = sorted(range(len(records)), key=lambda index: records[index].name)
    wanted = _wanted([records[index] for index in order], spec, folder)
    found, reused = obtain(
        CacheEntry(wanted.path, wanted.bytes, limit),
        lambda file, size: _fresh(read(file, size, wanted.shape), wanted),
        lambda file: _fill(file, wanted, progress),
    )
    return _cached(wanted.path, found, order, reused=reused)


def read(file: IO[bytes], size: int, shape: tuple[int, int, int]) -> CacheContent:
    """Return the content of a cache file: images of `shape`, in the first `size` bytes.

    Raises ValueError or TypeError if it holds something else.
    """
    end = size - _END
    file.seek(max(0, end))
    length = int.from_bytes(file.read(_END), "big")
    if length > end:
        raise ValueError("not the content of a cache file")
    file.seek(end - length)
    known = parse_json(file.read(length))
    verdicts = tuple(
        ImageVerdict(identity, fault, Traits(*traits) if traits else None)
        for _, identity, fault, traits in known
    )
    count = sum(not verdict.fault for verdict in verdicts)
    if count * int(np.prod(shape)) != end - length:
        raise ValueError("not the content of a cache file")
    return CacheContent(_map(file, (count, *shape)), tuple(stamp for stamp, *_ in known), verdicts)


def write_index(file: CacheWriter, stamps: Sequence[str], verdicts: Sequence[ImageVerdict]) -> None:
    """Write what is known of each image to `file`, which holds the pixels."""
    known = [
        [stamp, verdict.identity, verdict.fault, verdict.traits and astuple(verdict.traits)]
        for stamp, verdict in zip(stamps, verdicts, strict=True)
    ]
    index = json.dumps(known).encode()
    file.write(index + len(index).to_bytes(_END, "big"))


def _map(file: IO[bytes], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if shape[0] == 0:  # nothing can't be mapped
        return np.empty(shape, np.uint8)
    return np.asarray(np.memmap(file, np.uint8, "r", shape=shape))


def _wanted(records: Sequence[Record], spec: ImageSpec, folder: Path) -> _Wanted:
    stamps = tuple(file_stamp(record.source) for record in records)
    digest = hashlib.sha256(repr((CACHE_VERSION, pixel_versions(), spec)).encode())
    for record in records:
        digest.update(source_key(record.source).encode("utf-8", "surrogatepass") + b"\n")
    return _Wanted(folder / f"{digest.hexdigest()[:32]}.pixels", records, stamps, spec)


def _fresh(found: CacheContent, wanted: _Wanted) -> CacheContent | None:
    """Return what the file holds, or None if it has to be written again."""
    if found.stamps != wanted.stamps:
        return None
    # A file may become readable with its time unchanged: its permissions, a disk that is back.
    bad = [pair for pair in zip(wanted.records, found.verdicts, strict=True) if pair[1].fault]
    same = all(verdict_of(record, wanted.spec) == verdict for record, verdict in bad)
    return found if same else None


def _fill(file: CacheWriter, wanted: _Wanted, progress: Progress) -> None:
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
