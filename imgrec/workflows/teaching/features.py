"""The features of the photos of a classifier: in memory, and there but once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.classifiers import NewPhoto


class FeatureTable:
    """The features of each photo, float32 (features,), by SHA-256; threads can share it."""

    def __init__(self, known: Mapping[str, NDArray[np.float32]]) -> None:
        self._mutex = threading.Lock()
        self._known = dict(known)

    def all(self) -> Mapping[str, NDArray[np.float32]]:
        """Return those of all photos."""
        with self._mutex:
            return dict(self._known)

    def add(self, photos: Iterable[NewPhoto]) -> None:
        """Add those of new photos."""
        with self._mutex:
            self._known |= {each.sha256: each.features for each in photos}

    def of(self, hashes: Sequence[str]) -> Features:
        """Return those of some photos, in their order."""
        with self._mutex:
            return Features(self, [(each, self._known[each]) for each in hashes])

    def stacked(self, photos: Sequence[tuple[str, NDArray[np.float32]]]) -> NDArray[np.float32]:
        """Return an array of the features of photos, which are in it alone from now on."""
        values = _stacked([each for _, each in photos])
        before = {id(each.base) for _, each in photos} - {id(None), id(values)}
        with self._mutex:
            for row, (sha256, each) in enumerate(photos):
                if self._known.get(sha256) is each:
                    self._known[sha256] = values[row]
            for sha256, each in self._known.items():
                if id(each.base) in before:
                    self._known[sha256] = each.copy()
        return values


class Features:
    """Those of some photos; they become an array when they are first asked for."""

    def __init__(
        self,
        table: FeatureTable | None = None,
        photos: Sequence[tuple[str, NDArray[np.float32]]] = (),
    ) -> None:
        self._mutex = threading.Lock()
        self._table, self._photos = table, photos
        self._values: NDArray[np.float32] | None = None

    @property
    def values(self) -> NDArray[np.float32]:
        """The features, float32 (photos, features)."""
        with self._mutex:
            if self._values is None:
                if self._table is None or not self._photos:
                    raise ValueError("there are no features")
                self._values = self._table.stacked(self._photos)
                self._table, self._photos = None, ()
            return self._values


def _stacked(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return an array of rows; no copy if they are all those of another one, in order."""
    whole = rows[0].base
    if whole is not None and len(whole) == len(rows) and all(each.base is whole for each in rows):
        return whole
    return np.stack(rows)
