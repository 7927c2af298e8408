"""Pictures that look alike: a perceptual hash, and a search that compares few pairs of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SIDE = 32
"""The pixels a side of the picture that is hashed."""

# Bits that may differ. A hash has as many bits set as not, so distances are even; a photo saved
# again, or at another size, is 0 to 4 away, and other photos hardly ever less than 10.
DISTANCE = 4

# (first bit, bits): where at most DISTANCE bits differ, one of DISTANCE + 1 bands is the same.
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))

# Of 255 grey levels: below that, a hash would tell of noise.
_LEAST_CONTRAST = 2.0


def picture_hash(grey: NDArray[np.uint8]) -> int | None:
    """Return the 64-bit perceptual hash (DCT) of a grey uint8 (SIDE, SIDE).

    None where the picture is of one colour: all such would look alike.
    """
    import imagehash
    from PIL import Image

    if grey.std() < _LEAST_CONTRAST:
        return None
    bits = imagehash.phash(Image.fromarray(grey)).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def alike(hashes: NDArray[np.uint64]) -> list[list[int]]:
    """Return the groups of two or more hashes that are near to one another, as sorted indices.

    Near are two whose bits differ in at most DISTANCE places; a group is held together by such
    pairs, and no index is in two groups. Compared are only pairs that share a band of bits.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    distinct, index = np.unique(hashes, return_inverse=True)
    pairs = [pair for first, bits in _BANDS for pair in _pairs(distinct, first, bits)]
    left = np.concatenate([one for one, _ in pairs]) if pairs else np.empty(0, np.int64)
    right = np.concatenate([other for _, other in pairs]) if pairs else np.empty(0, np.int64)
    shape = (len(distinct), len(distinct))
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape)
    component = connected_components(graph, directed=False)[1][index]
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order])) + 1
    return sorted(group.tolist() for group in np.split(order, starts) if len(group) > 1)


def _pairs(
    hashes: NDArray[np.uint64], first: int, bits: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the index pairs of near hashes that have the same `bits` bits from `first` on."""
    band = (hashes >> np.uint64(first)) & np.uint64((1 << bits) - 1)
    order = np.argsort(band, kind="stable")
    band, sorted_hashes = band[order], hashes[order]
    at = np.arange(len(band))
    for step in range(1, len(band)):
        at = at[at + step < len(band)]
        # Sorted: what differs at this step does so at every later one.
        at = at[band[at] == band[at + step]]
        if not len(at):
            return
        distance = np.bitwise_count(sorted_hashes[at] ^ sorted_hashes[at + step])
        near = at[distance <= DISTANCE]
        if len(near):
            yield order[near], order[near + step]
