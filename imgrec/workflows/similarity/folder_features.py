"""The features of the photos in a folder, kept in the cache."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgrec.data.cache_files import (
    CACHE_VERSION,
    LIMIT,
    CacheEntry,
    CacheWriter,
    NoRoom,
    cache_folder,
    obtain,
    shown_path,
)
from imgrec.data.photo_arguments import expand_photos
from imgrec.data.records import Photo
from imgrec.data.storage import exists, is_folder, resolved, status
from imgrec.errors import BadImage, DataError, RunError
from imgrec.files import sha256
from imgrec.progress import Progress
from imgrec.runtime.feature_table import FeatureTable, load_features, save_features
from imgrec.text import count_of, printable
from imgrec.versions import pixel_versions
from imgrec.workflows.similarity.extraction import FeatureModel, photo_features

log = logging.getLogger("imgrec")

# Characters take four bytes. Beside its name, a photo has a SHA-256 and a stamp.
_CHARACTER_BYTES, _CHARACTERS, _HEADER_BYTES = 4, 64 + 80, 100_000

_STAMPS, _REFUSED_STAMPS = "stamps", "refused_stamps"


def folder_features(folder: Path, model: FeatureModel, progress: Progress) -> FeatureTable:
    """Return the features of all photos in a folder and below it.

    They are kept in the cache folder. A photo is read again if the file has changed since, and its
    features are computed if the content is new.

    Args:
        folder: The folder.
        model: The model.
        progress: Where progress is reported.

    Raises:
        DataError: It is not a folder, or has no files.
    """
    photos = _photos_in(folder)
    try:
        cache = cache_folder()
    except RunError as error:
        log.info("features: not cached: %s", error.message)
        return photo_features(photos, model, progress)
    cached = _CachedFolder({each.name: (each, _stamp(each)) for each in photos}, model, progress)
    entry = CacheEntry(cache / f"{_key(folder, model)}.features", cached.bytes, LIMIT)
    try:
        table, reused = obtain(entry, cached.read, cached.write)
    except (NoRoom, OSError) as error:
        log.info("features: not cached in %s: %s", shown_path(cache), printable(str(error)))
        return photo_features(photos, model, progress)
    if not reused:
        log.info("features: %s kept in %s", count_of(len(table.photos), "photo"), shown_path(cache))
    return table


@dataclass
class _CachedFolder:
    """What a cache file has of a folder.

    photos: each photo with the stamp of its file, by its name. known: of the file as it was, the
    features by the SHA-256 of the content. written: whether the file has been written.
    """

    photos: Mapping[str, tuple[Photo, str]]
    model: FeatureModel
    progress: Progress
    known: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    written: bool = False

    @property
    def bytes(self) -> int:
        """About what the file takes at most."""
        characters = max(map(len, self.photos)) + _CHARACTERS
        row = 4 * self.model.extractor.size + _CHARACTER_BYTES * characters
        return len(self.photos) * row + _HEADER_BYTES

    def read(self, file: BinaryIO, _size: int) -> FeatureTable | None:
        """Return the features in a cache file; None if a photo is new or has changed."""
        try:
            table, more = load_features(file, "the cache file")
        except DataError:
            if self.written:
                raise
            return None
        stamps = dict(zip(table.photos, more[_STAMPS].tolist(), strict=True))
        names = [each.name for each in table.refused]
        stamps |= zip(names, more[_REFUSED_STAMPS].tolist(), strict=True)
        if self.written or all(stamps.get(name) == at for name, (_, at) in self.photos.items()):
            return self._listed(table)
        self.known = dict(zip(table.identities, table.values, strict=True))
        return None

    def write(self, file: CacheWriter) -> None:
        """Compute the features that are missing, and write all of them."""
        photos = [photo for photo, _ in self.photos.values()]
        table = photo_features(photos, self.model, self.progress, self.known)
        save_features(
            table,
            file,
            stamps=self._stamps(table.photos),
            refused_stamps=self._stamps([each.name for each in table.refused]),
        )
        self.known, self.written = {}, True

    def _stamps(self, names: Sequence[str]) -> NDArray[np.str_]:
        return np.array([self.photos[name][1] for name in names], dtype=np.str_)

    def _listed(self, table: FeatureTable) -> FeatureTable:
        """Return the table without photos that are no longer in the folder."""
        rows = [row for row, name in enumerate(table.photos) if name in self.photos]
        if len(rows) == len(table.photos):
            return table
        return replace(
            table,
            photos=tuple(table.photos[row] for row in rows),
            identities=tuple(table.identities[row] for row in rows),
            values=table.values[rows],
            refused=tuple(each for each in table.refused if each.name in self.photos),
        )


def _photos_in(folder: Path) -> Sequence[Photo]:
    shown = printable(str(folder))
    if not is_folder(folder):
        problem = "is neither a folder nor an .npz file" if exists(folder) else "does not exist"
        hint = "name a folder, or a file that `imgrec predict PHOTOS --features FILE.npz` wrote"
        raise DataError(f"{shown} {problem}", hint=hint)
    photos = [*expand_photos([str(folder)], None)]
    if isinstance(photos[0].source, BadImage) and len(photos) == 1:
        raise photos[0].source
    return photos


def _stamp(photo: Photo) -> str:
    """Return the stamp of a photo's file; empty if there is none, so that it is looked at again."""
    if not isinstance(photo.source, Path):
        return ""
    with contextlib.suppress(OSError, ValueError):
        return status(photo.source).stamp
    return ""


def _key(folder: Path, model: FeatureModel) -> str:
    """Return the name of the cache file: of all that the features depend on, and of the folder."""
    spec = model.extractor.spec
    parts = CACHE_VERSION, model.identity, spec, pixel_versions(), resolved(folder)
    return sha256(repr(parts).encode("utf-8", "surrogatepass"))[:32]
