"""What is in a classifier: its photos, classes and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgrec.classifiers import (
    Conflict,
    PhotoStatus,
    Store,
    StoredClass,
    StoredPhoto,
    StoredVersion,
)
from imgrec.data.images import miniature
from imgrec.report.pictures import THUMBNAIL_SIDE
from imgrec.requirement import check_names, parse
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run
from imgrec.text import printable
from imgrec.workflows.teaching.thumbnails import as_webp
from imgrec.workflows.teaching.version import REQUIRE


class Contents:
    """What is in a classifier; threads can share it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self._store.name

    @property
    def folder(self) -> Path:
        """The folder."""
        return self._store.folder

    @property
    def revision(self) -> int:
        """A number that each change counts up."""
        return self._store.revision

    def classes(self) -> tuple[StoredClass, ...]:
        """Return the classes with their numbers of photos, sorted by name."""
        return self._store.classes()

    def class_named(self, name: str) -> StoredClass:
        """Return a class; raises NotFound."""
        return self._store.class_named(name)

    def counts(self) -> Mapping[PhotoStatus, int]:
        """Return how many photos are `labelled`, `unsure`, or show `none` of the classes."""
        return self._store.counts()

    def photos(
        self,
        class_name: str | None = None,
        *,
        status: PhotoStatus | None = None,
        after: str = "",
        limit: int = -1,
    ) -> tuple[StoredPhoto, ...]:
        """Return photos, sorted by SHA-256.

        Args:
            class_name: Only those of a class.
            status: Only those that are `labelled`, `unsure` or `none`.
            after: Only those behind this SHA-256.
            limit: How many at most; all if it is negative.
        """
        return self._store.photos(class_name=class_name, status=status, after=after, limit=limit)

    def photo(self, sha256: str) -> StoredPhoto:
        """Return a photo; raises NotFound."""
        return self._store.photo(sha256)

    def path(self, sha256: str) -> Path:
        """Return the file of a photo; raises NotFound."""
        return self._store.path(self.photo(sha256))

    def thumbnail(self, sha256: str) -> bytes:
        """Return a small picture of a photo, as WebP; raises NotFound, or BadImage."""
        if (found := self.kept_thumbnail(sha256)) is None:
            path = self.path(sha256)
            found = self.keep_thumbnail(sha256, miniature(path, THUMBNAIL_SIDE, path.name))
        return found

    def kept_thumbnail(self, sha256: str) -> bytes | None:
        """Return the small picture of a photo; None if it was not made yet."""
        return self._store.thumbnail(sha256)

    def keep_thumbnail(self, sha256: str, small: NDArray[np.uint8]) -> bytes:
        """Return the small picture of a photo, as WebP, and keep it for later.

        Args:
            sha256: Of the photo.
            small: The whole photo, uint8 (height, width, 3), at most 192 pixels a side.
        """
        found = as_webp(small)
        self._store.keep_thumbnail(sha256, found)
        return found

    def versions(self) -> tuple[StoredVersion, ...]:
        """Return the versions, the oldest first."""
        return self._store.versions()

    def version(self, number: int) -> StoredVersion:
        """Return a version; raises NotFound."""
        return self._store.version(number)

    def run(self, number: int) -> Run:
        """Return the run of a version; raises NotFound, or Conflict if it was withdrawn."""
        version = self.version(number)
        if version.withdrawn:
            raise Conflict(f"version {number} of {printable(self.name)} was withdrawn")
        path = self._store.run_path(version)
        return Run(path, read_card(path))

    @property
    def require(self) -> tuple[str, ...]:
        """What is required of a version before it is published, as `accuracy >= 0.95`.

        Setting it raises UsageError for what can't be measured, such as the recall of a class that
        is not there.
        """
        return tuple(self._store.setting(REQUIRE, []))

    @require.setter
    def require(self, requirements: str | Sequence[str]) -> None:
        given = [requirements] if isinstance(requirements, str) else requirements
        classes = [each.name for each in self.classes()]
        self._store.set(REQUIRE, checked_requirements(given, classes))


def checked_requirements(given: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return requirements with normalized spaces.

    Raises:
        UsageError: One can't be measured, or is about a class that is not among those.
    """
    parsed = [parse(each) for each in given]
    check_names(parsed, classes)
    return [str(each) for each in parsed]
