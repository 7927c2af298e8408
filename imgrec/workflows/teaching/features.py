"""The features of the photos of a classifier: in memory, and there but once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.classifiers import NewPhoto

Known = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""The features of a photo, float32 (features,), and its grey thumbnail, uint8 (32, 32)."""


class FeatureTable:
    """The features and the grey thumbnail of each photo, by SHA-256; threads can share it."""

    def __init__(self, known: Mapping[str, Known]) -> None:
        self._mutex = threading.Lock()
        self._known = dict(known)

    def all(self) -> Mapping[str, Known]:
        """Return those of all photos."""
        with self._mutex:
            return dict(self._known)

    def add(self, photos: Iterable[NewPhoto]) -> None:
        """Add those of new photos."""
        with self._mutex:
            self._known |= {each.sha256: (each.features, each.grey) for each in photos}

    def of(self, hashes: Sequence[str]) -> Features:
        """Return those of some photos, in their order."""
        with self._mutex:
            return Features(self, [(each, self._known[each]) for each in hashes])

    def stacked(self, photos: Sequence[tuple[str, Known]]) -> Known:
        """Return arrays of all that is known of photos, which is in them alone from now on."""
        values, grey = (_stacked(rows) for rows in zip(*(each for _, each in photos), strict=True))
        before = {id(each.base) for _, (each, _) in photos} - {id(None), id(values)}
        with self._mutex:
            for row, (sha256, each) in enumerate(photos):
                if self._known.get(sha256) is each:
                    self._known[sha256] = values[row], grey[row]
            for sha256, (some, small) in self._known.items():
                if id(some.base) in before:
                    self._known[sha256] = some.copy(), small.copy()
        return values, grey


class Features:
    """Those of some photos; they become arrays when they are first asked for."""

    def __init__(
        self, table: FeatureTable | None = None, photos: Sequence[tuple[str, Known]] = ()
    ) -> None:
        self._mutex = threading.Lock()
        self._table, self._photos = table, photos
        self._arrays: Known | None = None

    @property
    def values(self) -> NDArray[np.float32]:
        """The features, float32 (photos, features)."""
        return self._made()[0]

    @property
    def grey(self) -> NDArray[np.uint8]:
        """The grey thumbnails, uint8 (photos, 32, 32)."""
        return self._made()[1]

    def _made(self) -> Known:
        with self._mutex:
            if self._arrays is None:
                if self._table is None or not self._photos:
                    raise ValueError("there are no features")
                self._arrays = self._table.stacked(self._photos)
                self._table, self._photos = None, ()
            return self._arrays


def _stacked(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return an array of rows; no copy if they are all those of another one, in order."""
    whole = rows[0].base
    if whole is not None and len(whole) == len(rows) and all(each.base is whole for each in rows):
        return whole
    return np.stack(rows)
