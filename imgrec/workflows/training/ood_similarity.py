"""How similar photos are to those of a training: the OOD similarity of an exact head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgrec.parallel import one_blas_thread

MOST_REFERENCES = 4096
"""How many photos a photo is compared with. SHA-256 is as good as chance: the first are taken."""

_BLOCK = 1024


def references(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the directions that photos are compared with, float32 (references, features).

    features: of the labelled photos, sorted by SHA-256.
    """
    return _directions(features[:MOST_REFERENCES])


def similarities(features: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine of each photo with the nearest reference, float32 (photos,)."""
    found: NDArray[np.float32] = (_directions(features) @ known.T).max(axis=1)
    return found


def held_out_similarities(
    features: NDArray[np.float32],
    known: NDArray[np.float32],
    groups: NDArray[np.intp] | None = None,
) -> NDArray[np.float32]:
    """Return the cosine of each labelled photo with the nearest reference of another group.

    Args:
        features: The labelled photos, the first of which are the references.
        known: The references.
        groups: The group of each photo. By default, each is on its own.
    """
    if groups is None:
        groups = np.arange(len(features))
    found = np.empty(len(features), np.float32)
    with one_blas_thread():
        for start in range(0, len(features), _BLOCK):
            cosines = _directions(features[start : start + _BLOCK]) @ known.T
            own = groups[start : start + _BLOCK, None] == groups[: len(known)]
            cosines[own] = -1
            found[start : start + len(cosines)] = cosines.max(axis=1)
    return found


def _directions(features: NDArray[np.float32]) -> NDArray[np.float32]:
    found = np.empty_like(features)
    for start in range(0, len(features), _BLOCK):
        some = features[start : start + _BLOCK].astype(np.float64)
        lengths = np.linalg.norm(some, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        found[start : start + len(some)] = some / lengths
    return found
