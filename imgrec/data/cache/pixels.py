"""The decoded images of a training: kept in memory or in a mapped file, or decoded again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.data.cache.inspection import (
    Inspection,
    file_stamp,
    inspect_images,
    inspection_of,
)
from imgrec.data.cache.pixel_file import open_cached
from imgrec.data.cache_config import CacheConfig
from imgrec.data.cache_files import NoRoom, shown_path
from imgrec.data.images import ImageSpec, decoded, identity_of_source
from imgrec.data.memory import fits_in_memory
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.parallel import usable_cores
from imgrec.progress import Progress
from imgrec.rounding import size_in_words

log = logging.getLogger("imgrec.data")

Shape = tuple[int, int, int]
Rows = Sequence[int] | NDArray[np.intp]


class Pixels(Protocol):
    """Images of one form. Row i is the i-th of the records that can be read."""

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""

    def take(self, rows: Rows) -> NDArray[np.uint8]:
        """Return a copy of these images, uint8 (len(rows), height, width, channels).

        May be called from several threads. Raises BadImage for one that can no longer be read.
        """


def open_pixels(
    records: Sequence[Record],
    spec: ImageSpec,
    cache: CacheConfig | Literal["none"],
    progress: Progress,
) -> tuple[Pixels, Inspection]:
    """Read every record once, and return their pixels in `spec` and what was found.

    The pixels are kept in memory if they take at most a quarter of what is free, else in a file
    in the cache's folder that later calls reuse; with `none`, and if there is no room for that
    file, they are decoded at each `take`. The log says which.
    """
    if cache == "none":
        log.info("images: decoded again in each epoch (data.cache: none)")
        return _streamed(records, spec, progress)
    needed = len(records) * spec.height * spec.width * spec.channels
    if cache.memory and fits_in_memory(needed):
        return _in_memory(records, spec, progress)
    try:
        return _mapped(records, spec, cache.path, cache.limit_bytes, progress)
    except (NoRoom, OSError) as error:
        where = shown_path(cache.path)
        log.warning("images: decoded again in each epoch: no cache in %s: %s", where, error)
        return _streamed(records, spec, progress)


class Stored:
    """Decoded pixels, in memory or in a mapped file.

    images: uint8 (n, height, width, channels). rows: the index into it of each row; None if they
    are the same.
    """

    def __init__(self, images: NDArray[np.uint8], rows: NDArray[np.intp] | None = None) -> None:
        self._images = images
        self._rows = rows

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""
        _, height, width, channels = self._images.shape
        return height, width, channels

    def take(self, rows: Rows) -> NDArray[np.uint8]:
        """Return a copy of these images."""
        chosen = np.asarray(rows, np.intp)
        return self._images[chosen if self._rows is None else self._rows[chosen]]


class Streamed:
    """Pixels that are decoded at each `take`, in several threads.

    records: readable ones. stamps, identities: their file stamps and SHA-256 when they were found
    to be readable.
    """

    def __init__(
        self,
        records: Sequence[Record],
        stamps: Sequence[str],
        identities: Sequence[str],
        spec: ImageSpec,
    ) -> None:
        self._records = records
        self._stamps = stamps
        self._identities = identities
        self._spec = spec
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode")

    @property
    def shape(self) -> Shape:
        """Height, width and channels of every image."""
        return self._spec.height, self._spec.width, self._spec.channels

    def take(self, rows: Rows) -> NDArray[np.uint8]:
        """Return these images; raises BadImage for one that vanished or changed."""
        images = np.empty((len(rows), *self.shape), np.uint8)
        for place, image in enumerate(self._pool.map(self._decode, rows)):
            images[place] = image
        return images

    def _decode(self, row: int) -> NDArray[np.uint8]:
        record = self._records[row]
        pixels = decoded(record, self._spec)
        # A stamp also changes with the file's permissions and links.
        stamped = file_stamp(record.source) == self._stamps[row]
        if not stamped and identity_of_source(record) not in ("", self._identities[row]):
            raise BadImage(record.name, "changed since the training began")
        if isinstance(pixels, BadImage):
            raise pixels
        return pixels


def _in_memory(
    records: Sequence[Record], spec: ImageSpec, progress: Progress
) -> tuple[Pixels, Inspection]:
    images = np.empty((len(records), spec.height, spec.width, spec.channels), np.uint8)
    rows = iter(images)

    def keep(image: NDArray[np.uint8]) -> None:
        next(rows)[:] = image

    inspection = inspection_of(records, inspect_images(records, spec, progress, keep))
    images = images[: len(records) - len(inspection.bad)]
    kept = _some_of(len(images), len(records))
    log.info("images: %s kept in memory (%s)", kept, size_in_words(images.nbytes))
    return Stored(images), inspection


def _some_of(kept: int, records: int) -> str:
    return f"{kept:,}" if kept == records else f"{kept:,} of {records:,}"


def _mapped(
    records: Sequence[Record], spec: ImageSpec, folder: Path, limit: int, progress: Progress
) -> tuple[Pixels, Inspection]:
    cached = open_cached(records, spec, folder, limit, progress)
    log.info(
        "images: %s kept in %s (%s, %s)",
        _some_of(len(cached.rows), len(records)),
        shown_path(cached.path),
        size_in_words(cached.images.nbytes),
        "reused" if cached.reused else "new",
    )
    return Stored(cached.images, cached.rows), inspection_of(records, cached.verdicts)


def _streamed(
    records: Sequence[Record], spec: ImageSpec, progress: Progress
) -> tuple[Pixels, Inspection]:
    stamps = [file_stamp(record.source) for record in records]
    verdicts = inspect_images(records, spec, progress, lambda _: None)
    sound = [place for place, verdict in enumerate(verdicts) if not verdict.fault]
    readable = [records[place] for place in sound]
    pixels = Streamed(
        readable,
        [stamps[place] for place in sound],
        [verdicts[place].identity for place in sound],
        spec,
    )
    return pixels, inspection_of(records, verdicts)
