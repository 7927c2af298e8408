"""Features by the content of images, kept in the cache folder from one command to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgrec.data.cache_files import (
    CACHE_VERSION,
    CacheEntry,
    CacheWriter,
    NoRoom,
    obtain,
    shown_path,
)
from imgrec.data.storage import exists, status
from imgrec.errors import DataError
from imgrec.files import sha256
from imgrec.runtime.feature_table import FeatureTable, load_features, save_features
from imgrec.runtime.features import FeatureExtractor
from imgrec.text import count_of, printable
from imgrec.versions import pixel_versions

log = logging.getLogger("imgrec")

_MOST = 50_000
"""How many images one file has, unless more are wanted at once."""

# Beside its features, an image has its SHA-256 twice, with four bytes for each character.
_ROW_BYTES, _HEADER_BYTES = 2 * 4 * 64, 100_000


@dataclass(frozen=True)
class FeatureCache:
    """Where the features of one model are kept.

    Args:
        folder: The cache folder.
        limit: What all files of the folder may take together, in bytes.
        extractor: The model.
        identity: The SHA-256 of its file.
    """

    folder: Path
    limit: int
    extractor: FeatureExtractor
    identity: str

    def features(
        self,
        contents: Sequence[str],
        compute: Callable[[Sequence[int]], NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """Return the features of images, float32 (images, features).

        Args:
            contents: The SHA-256 of each image.
            compute: Returns the features of the images at these positions. They are those of
                contents that no earlier call had, each once.
        """
        path = self.folder / f"{self._key}.features"
        found = _Wanted(self, contents, compute)
        try:
            before = status(path).size if exists(path) else 0
            size = len(contents) * (_ROW_BYTES + 4 * self.extractor.size) + _HEADER_BYTES
            entry = CacheEntry(path, before + size, self.limit)
            rows, _ = obtain(entry, found.read, found.write)
        except (NoRoom, OSError) as error:
            log.info(
                "features: not cached in %s: %s", shown_path(self.folder), printable(str(error))
            )
            return compute(range(len(contents)))
        reused = len(contents) - found.computed
        what = count_of(len(contents), "image")
        log.info("features: %s in %s, %s reused", what, shown_path(path), f"{reused:,}")
        return rows

    @property
    def _key(self) -> str:
        """The name of the file, from all that features depend on besides the image."""
        parts = CACHE_VERSION, "content", self.identity, self.extractor.spec, pixel_versions()
        return sha256(repr(parts).encode())[:32]


@dataclass
class _Wanted:
    """The images whose features are wanted, and those in the file.

    computed: how many had to be computed.
    """

    cache: FeatureCache
    contents: Sequence[str]
    compute: Callable[[Sequence[int]], NDArray[np.float32]]
    known: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    computed: int = 0

    def read(self, file: BinaryIO, _size: int) -> NDArray[np.float32] | None:
        """Return the features; None if those of an image are missing."""
        try:
            table, _ = load_features(file, "the cache file")
        except DataError:
            return None
        self.known = dict(zip(table.identities, table.values, strict=True))
        if any(each not in self.known for each in self.contents):
            return None
        return np.stack([self.known[each] for each in self.contents])

    def write(self, file: CacheWriter) -> None:
        """Compute the features that are missing, and write these and the ones that were there."""
        first = {each: at for at, each in reversed([*enumerate(self.contents)])}
        missing = {each: at for each, at in sorted(first.items()) if each not in self.known}
        found = self.compute([*missing.values()])
        if not np.isfinite(found).all():
            raise NoRoom("they are not all finite numbers")
        self.computed = len(missing)
        values = self.known | dict(zip(missing, found, strict=True))
        others = [each for each in values if each not in first]
        kept = (*first, *others[: max(0, _MOST - len(first))])
        rows = np.stack([values[each] for each in kept])
        save_features(FeatureTable(kept, kept, rows, "", self.cache.identity), file)
