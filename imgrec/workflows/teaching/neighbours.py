"""Photos that show the same as new ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.classifiers import NewPhoto
from imgrec.workflows.teaching.standing import alike

_NEAREST = 8
_BLOCK = 512


def look_alikes(
    new: Sequence[NewPhoto],
    known: Mapping[str, NDArray[np.float32]],
    grey_of: Callable[[Iterable[str]], Mapping[str, NDArray[np.uint8]]],
) -> Mapping[str, Sequence[str]]:
    """Return, for each new photo that has any, the photos that show the same.

    The thumbnails of those with the most similar features are compared.

    Args:
        new: The photos.
        known: The features of those that are there, by SHA-256.
        grey_of: Returns the grey thumbnails of some of these, uint8 (32, 32), by SHA-256.
    """
    wanted = {each.sha256: each for each in new}
    near = _nearest(list(wanted.values()), known)
    grey = {**grey_of(near), **{each: photo.grey for each, photo in wanted.items()}}
    found: dict[str, Sequence[str]] = {}
    for members in alike(grey):
        found |= {
            each: [other for other in members if other != each]
            for each in members
            if each in wanted
        }
    return found


def _nearest(new: Sequence[NewPhoto], known: Mapping[str, NDArray[np.float32]]) -> Sequence[str]:
    """Return the known photos that are among the most similar to a new one."""
    if not new or not known:
        return ()
    hashes, wanted = list(known), np.stack([each.features for each in new])
    cosines = np.empty((len(new), len(hashes)), np.float32)
    for start in range(0, len(hashes), _BLOCK):
        place = slice(start, start + _BLOCK)
        values = np.stack([known[each] for each in hashes[place]])
        lengths = np.maximum(np.linalg.norm(values, axis=1), np.finfo(np.float32).tiny)
        cosines[:, place] = wanted @ values.T / lengths
    count = min(_NEAREST, len(hashes))
    rows = np.unique(np.argpartition(-cosines, count - 1, axis=1)[:, :count])
    return [hashes[row] for row in rows.tolist()]
