"""Pictures that show the same: candidates by a perceptual hash, then a comparison of their pixels.

A copy is a picture saved again, resized, brightened, mirrored, or cropped a little. Each picture is
compared as a grey thumbnail, by the low frequencies of its cosine transform. Their signs are the
hash. Candidates are copies if one is explained by the other, moved, scaled, blurred and toned a
little: by the tangent plane of those changes (Simard et al., 1992).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgrec.parallel import one_blas_thread

SIDE = 32
"""The pixels a side of a thumbnail."""

LEAST_CONTRAST = 2.0
"""The standard deviation, of 255 grey levels, from which a picture is compared."""

UNEXPLAINED = 0.0035
"""The fraction of a copy's variance that the other picture leaves unexplained, at most."""

_Pixels: TypeAlias = NDArray[np.uint8]
_Floats: TypeAlias = NDArray[np.float32]
_Places: TypeAlias = NDArray[np.intp]
_Hashes: TypeAlias = NDArray[np.uint64]

# Frequencies a side that are compared, and of these, that are hashed; the mean is not.
_COMPARED, _HASHED = 16, 8
_DISTANCE = 6  # of a candidate's 63 bits: a cropped copy differs in so many from the nearest view
_BANDS = tuple((first, min(13, 63 - first)) for first in range(0, 63, 13))

_SCALE = np.float32(np.iinfo(np.int16).max)  # of planes, whose values are from -1 to 1

# Pictures that are looked up at a time, and pairs of hashes.
_QUERIES, _PAIRS = 4_096, 1 << 18


@dataclass(frozen=True)
class _View:
    """A part of a picture; share, left, top: fractions of its sides."""

    share: float = 1.0
    left: float = 0.0
    top: float = 0.0
    mirrored: bool = False

    @property
    def near(self) -> float:
        """The cosine of a candidate's hashed frequencies; highlights of the whole may be lost."""
        return 0.965 if self.share == 1 else 0.98

    @property
    def unexplained(self) -> float:
        """What a copy may leave unexplained before `finer` is tried."""
        return UNEXPLAINED if self.share == 1 else 3 * UNEXPLAINED

    @property
    def finer(self) -> tuple[_View, ...]:
        """The views near this one, none of the whole."""
        if self.share == 1:
            return ()
        return tuple(
            _View(share, self.left + x + middle, self.top + y + middle)
            for share, middle in ((0.94, 0.005), (0.9525, -0.00125), (0.965, -0.0075))
            for x in (-0.01, 0.0, 0.01)
            for y in (-0.01, 0.0, 0.01)
        )


_OFFSETS = (0.0, 0.025, 0.05)
_VIEWS = (
    _View(),
    _View(mirrored=True),
    *(_View(0.95, left, top) for left in _OFFSETS for top in _OFFSETS),
)


@dataclass(frozen=True)
class LookAlikes:
    """Groups of pictures that look alike, as sorted indices; no index is in two groups.

    complete: whether all candidates were compared.
    """

    groups: list[list[int]]
    complete: bool


def has_contrast(thumbnail: _Pixels) -> bool:
    """Return whether there is anything to compare; pictures of one colour all look alike."""
    return bool(thumbnail.std() >= LEAST_CONTRAST)


def find_look_alikes(
    thumbnails: _Pixels, *, per_picture: int = 50_000, block: int = 1 << 16
) -> LookAlikes:
    """Return the groups of pictures that are held together by pairs that look alike.

    Args:
        thumbnails: Grey, uint8 (pictures, SIDE, SIDE), each with contrast.
        per_picture: How many hashes each is compared with at most, on average.
        block: How many pictures are looked up in at a time; of each, up to 6 kB are held. More are
            faster.
    """
    count = len(thumbnails)
    group, budget = np.arange(count), _Budget(per_picture * count)
    # The products are small: threads would mostly wait for each other, and burn time doing so.
    with one_blas_thread():
        for start in range(0, count, block):
            there = _Block.of(thumbnails[start : start + block], start)
            for view in _VIEWS:
                found = [
                    there.matches(view, thumbnails, group, budget, place)
                    for place in range(0, count, _QUERIES)
                ]
                group = _joined(group, np.concatenate(found, axis=1))
    return LookAlikes(_groups(group), not budget.exceeded)


@dataclass
class _Budget:
    """How many comparisons are left."""

    left: int
    exceeded: bool = False

    def take(self, wanted: int) -> bool:
        """Return whether so many more may be done."""
        self.exceeded |= wanted > self.left
        self.left -= 0 if self.exceeded else wanted
        return not self.exceeded


@dataclass(frozen=True)
class _Block:
    """Some of the pictures, ready to be looked up.

    first: the index of the first one. hashed, lowest: their frequencies. order, sorted: places
    and hashes in the order of each band. low_planes, planes: of the frequencies that are hashed,
    and of those that are compared.
    """

    first: int
    hashed: _Floats
    lowest: _Floats
    order: tuple[_Places, ...]
    sorted: tuple[_Hashes, ...]
    low_planes: _Planes
    planes: _Planes

    @classmethod
    def of(cls, thumbnails: _Pixels, first: int) -> _Block:
        hashed = _frequencies(thumbnails, _View(), _HASHED)
        hashes = _hashes(hashed)
        order = tuple(np.argsort(_band(hashes, *band), kind="stable") for band in _BANDS)
        return cls(
            first,
            hashed,
            _lowest(hashed),
            order,
            tuple(hashes[places] for places in order),
            _Planes.of(thumbnails, _HASHED),
            _Planes.of(thumbnails, _COMPARED),
        )

    def matches(
        self, view: _View, thumbnails: _Pixels, group: _Places, budget: _Budget, start: int
    ) -> _Places:
        """Return pairs (2, n): pictures from `start` on, and those of the block that show a view.

        Pairs that are in one group already are left out. The others are compared step by step, by
        more and more frequencies.
        """
        part = thumbnails[start : start + _QUERIES]
        hashed = _frequencies(part, view, _HASHED)
        hashes, lowest = _hashes(hashed), _lowest(hashed)
        found = [np.empty((2, 0), np.intp)]
        for pairs in self._candidates(hashes, budget):
            left, right = pairs[0] + start, pairs[1] + self.first
            near = pairs[:, group[left] != group[right]]
            near = near[:, _products(lowest, self.lowest, near) >= view.near]
            near = near[:, _products(hashed, self.hashed, near) >= view.near]
            near = near[:, self.low_planes.unexplained(hashed, near) <= UNEXPLAINED]
            found.append(near[:, self._unexplained(part, (view,), near) <= view.unexplained])
        near = np.concatenate(found, axis=1)
        if view.finer:
            near = near[:, self._unexplained(part, view.finer, near) <= UNEXPLAINED]
        places: _Places = near + np.array([[start], [self.first]])
        return places

    def _candidates(self, hashes: _Hashes, budget: _Budget) -> Iterator[_Places]:
        """Yield pairs (2, n) of a query and a place in the block whose hashes are near."""
        for number, band in enumerate(_BANDS):
            there, wanted = _band(self.sorted[number], *band), _band(hashes, *band)
            first = np.searchsorted(there, wanted, "left")
            counts = np.searchsorted(there, wanted, "right") - first
            for part in _portions(counts):
                many = counts[part]
                if not budget.take(int(many.sum())):
                    return
                shift = first[part] - (np.cumsum(many) - many)
                place = np.repeat(shift.astype(np.int32), many)
                place += np.arange(len(place), dtype=np.int32)
                differing = self.sorted[number][place]
                differing ^= np.repeat(hashes[part], many)
                near = np.flatnonzero(np.bitwise_count(differing) <= _DISTANCE)
                for before in _BANDS[:number]:  # those were found there
                    near = near[_band(differing[near], *before) != 0]
                query = np.searchsorted(np.cumsum(many), near, "right") + part.start
                yield np.stack([query, self.order[number][place[near]]])

    def _unexplained(self, thumbnails: _Pixels, views: Sequence[_View], pairs: _Places) -> _Floats:
        """Return for each pair what is unexplained of the query's variance, the least of views."""
        queries, query = np.unique(pairs[0], return_inverse=True)
        least = np.ones(pairs.shape[1], np.float32)
        for view in views if len(queries) else ():
            spectra = _frequencies(thumbnails[queries], view, _COMPARED)
            found = self.planes.unexplained(spectra, np.stack([query, pairs[1]]))
            least = np.minimum(least, found)
        return least


@dataclass(frozen=True)
class _Planes:
    """The tangent planes of pictures, by `count` frequencies a side.

    values: bases in units of 1 / _SCALE; computed when they are needed, `ready` says which are.
    """

    thumbnails: _Pixels
    count: int
    values: NDArray[np.int16]
    ready: NDArray[np.bool]

    @classmethod
    def of(cls, thumbnails: _Pixels, count: int) -> _Planes:
        values = np.empty((len(thumbnails), _CHANGES, count**2 - 1), np.int16)
        return cls(thumbnails, count, values, np.zeros(len(thumbnails), bool))

    def unexplained(self, spectra: _Floats, pairs: _Places) -> _Floats:
        """Return for each pair of a spectrum and a picture what the picture leaves unexplained."""
        self._prepare(pairs[1])
        found = np.empty(pairs.shape[1], np.float32)
        for start in range(0, len(found), 1024):
            query, place = pairs[:, start : start + 1024]
            bases = self.values.take(place, 0).astype(np.float32)
            inside = (bases @ spectra.take(query, 0)[:, :, None])[:, :, 0] / _SCALE
            found[start : start + 1024] = 1 - np.square(inside).sum(1)
        return found

    def _prepare(self, places: _Places) -> None:
        wanted = np.unique(places)
        wanted = wanted[~self.ready[wanted]]
        for start in range(0, len(wanted), 64):
            part = wanted[start : start + 64]
            self.values[part] = np.rint(_bases(self.thumbnails[part], self.count) * _SCALE)
        self.ready[wanted] = True


def _portions(counts: _Places) -> Iterator[slice]:
    """Yield slices of queries that together have about _PAIRS candidates."""
    portion = np.cumsum(counts) // _PAIRS
    starts = [0, *(np.flatnonzero(np.diff(portion)) + 1).tolist(), len(counts)]
    yield from (slice(first, end) for first, end in pairwise(starts))


def _hashes(frequencies: _Floats) -> _Hashes:
    """Return the signs of the hashed frequencies, 63 bits; each band has low and high ones.

    In this order, a band of MNIST's pictures has the fewest that are equal.
    """
    bits = np.zeros((len(frequencies), 64), bool)
    bits[:, :63] = frequencies[:, 5 * np.arange(63) % 63] > 0
    hashes: _Hashes = np.packbits(bits, axis=1, bitorder="little").view("<u8")[:, 0]
    return hashes


def _band(hashes: _Hashes, first: int, bits: int) -> _Hashes:
    return (hashes >> np.uint64(first)) & np.uint64((1 << bits) - 1)


def _lowest(hashed: _Floats) -> _Floats:
    """Return the lowest 15 of the hashed frequencies, and the length of the others.

    A product of these is never below that of all frequencies.
    """
    down, across = np.divmod(np.arange(1, _HASHED**2), _HASHED)
    low = hashed[:, np.argsort(down + across, kind="stable")[:15]]
    others = np.sqrt(np.maximum(1 - np.square(low).sum(1, keepdims=True), 0))
    return np.concatenate([low, others], axis=1)


def _frequencies(pixels: NDArray[Any], view: _View, count: int) -> _Floats:
    """Return `count` ** 2 - 1 frequencies of a view of pictures (..., SIDE, SIDE), of length 1.

    The mean is left out.
    """
    parts = np.array_split(pixels, 1 + len(pixels) // _QUERIES)
    found: _Floats = np.concatenate([_transformed(part, view, count) for part in parts])
    length: _Floats = np.linalg.norm(found, axis=-1, keepdims=True)
    unit: _Floats = found / (length + np.float32(1e-6))
    return unit


def _transformed(pixels: NDArray[Any], view: _View, count: int) -> _Floats:
    down, across = _kernels(view, count)
    columns = pixels.swapaxes(-2, -1).reshape(-1, SIDE).astype(np.float32)
    changed: _Floats = columns @ down
    rows = changed.reshape(-1, SIDE, count).swapaxes(1, 2).reshape(-1, SIDE)
    found: _Floats = rows @ across
    return found.reshape(*pixels.shape[:-2], count * count)[..., 1:]


@cache
def _kernels(view: _View, count: int) -> tuple[_Floats, _Floats]:
    """Return what takes the columns and the rows of a thumbnail to the frequencies of a view."""
    cosines = _cosines()[:count]
    down = cosines @ _line(view.share, view.top)
    across = cosines @ _line(view.share, view.left)
    return down.T.copy(), (across[:, ::-1] if view.mirrored else across).T.copy()


def _cosines() -> _Floats:
    from scipy.fft import dct

    cosines: _Floats = dct(np.eye(SIDE, dtype=np.float32), axis=0, norm="ortho")
    return cosines


def _line(share: float, start: float) -> _Floats:
    """Return the weights (SIDE, SIDE) that enlarge a part of a line, by cubic interpolation."""
    place = (np.arange(SIDE) + 0.5) * share + start * SIDE - 0.5
    before = np.floor(place).astype(int)
    t = place - before
    cubic = (
        t * (t * (2 - t) - 1),
        t * t * (3 * t - 5) + 2,
        t * (t * (4 - 3 * t) + 1),
        t * t * (t - 1),
    )
    weights = np.zeros((SIDE, SIDE), np.float32)
    for step, weight in enumerate(cubic, start=-1):
        np.add.at(weights, (np.arange(SIDE), np.clip(before + step, 0, SIDE - 1)), weight / 2)
    return weights


def _bases(thumbnails: _Pixels, count: int) -> _Floats:
    """Return an orthonormal basis (n, changes, frequencies) of each picture and its changes.

    It is what the picture becomes when it is moved, scaled, blurred and toned a little.
    """
    pixels = thumbnails.astype(np.float32) / 255
    down, across = np.gradient(pixels, axis=(1, 2))
    blurred = np.gradient(down, axis=1) + np.gradient(across, axis=2)
    centred = (np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2) / SIDE
    moved = (down, across, down * centred[:, None], across * centred)
    toned = (np.maximum(pixels - tone, 0) for tone in _TONES)
    changes = np.stack([pixels, *moved, blurred, *toned], axis=1)
    changes = _frequencies(changes, _View(), count)
    products = changes @ changes.transpose(0, 2, 1) + _RIDGE * np.eye(_CHANGES, dtype=np.float32)
    inverse = np.linalg.inv(np.linalg.cholesky(products))
    return (inverse @ changes).astype(np.float32, copy=False)


# A curve of tones with bends at these brightnesses: brightened photos lose their highlights.
_TONES = (0.3, 0.5, 0.7, 0.85)
_CHANGES = 6 + len(_TONES)


# Keeps changes apart that are nearly the same in a plain picture.
_RIDGE = np.float32(5e-4)


def _products(left: _Floats, right: _Floats, pairs: _Places) -> _Floats:
    products: _Floats = np.einsum("nd,nd->n", left.take(pairs[0], 0), right.take(pairs[1], 0))
    return products


def _joined(group: _Places, pairs: _Places) -> _Places:
    """Return the groups with those of each pair made one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = group[pairs]
    graph = coo_array((np.ones(ends.shape[1], np.int8), tuple(ends)), (len(group), len(group)))
    components: _Places = connected_components(graph, directed=False)[1]
    return components[group]


def _groups(group: _Places) -> list[list[int]]:
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order])) + 1
    return sorted(found.tolist() for found in np.split(order, starts) if len(found) > 1)
