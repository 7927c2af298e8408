"""Photos that show the same as new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imgrec.classifiers import NewPhoto
from imgrec.workflows.teaching.features import Known
from imgrec.workflows.teaching.standing import alike

_NEAREST = 8
_BLOCK = 512


def look_alikes(new: Sequence[NewPhoto], known: Mapping[str, Known]) -> Mapping[str, Sequence[str]]:
    """Return, for each new photo that has any, the photos that show the same.

    The thumbnails of those with the most similar features are compared.

    Args:
        new: The photos.
        known: What is known of those that are there, by SHA-256.
    """
    wanted = {each.sha256: each for each in new}
    near = _nearest(list(wanted.values()), known)
    hashes = [*wanted, *(each for each in near if each not in wanted)]
    grey = [wanted[each].grey if each in wanted else known[each][1] for each in hashes]
    found: dict[str, Sequence[str]] = {}
    for group in alike(np.stack(grey)) if grey else ():
        members = [hashes[row] for row in group]
        found |= {
            each: [other for other in members if other != each]
            for each in members
            if each in wanted
        }
    return found


def _nearest(new: Sequence[NewPhoto], known: Mapping[str, Known]) -> Sequence[str]:
    """Return the known photos that are among the most similar to a new one."""
    if not new or not known:
        return ()
    hashes, wanted = list(known), np.stack([each.features for each in new])
    cosines = np.empty((len(new), len(hashes)), np.float32)
    for start in range(0, len(hashes), _BLOCK):
        place = slice(start, start + _BLOCK)
        values = np.stack([known[each][0] for each in hashes[place]])
        lengths = np.maximum(np.linalg.norm(values, axis=1), np.finfo(np.float32).tiny)
        cosines[:, place] = wanted @ values.T / lengths
    count = min(_NEAREST, len(hashes))
    rows = np.unique(np.argpartition(-cosines, count - 1, axis=1)[:, :count])
    return [hashes[row] for row in rows.tolist()]
