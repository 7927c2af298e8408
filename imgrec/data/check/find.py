"""Duplicates, near-duplicates and odd images, and what the images are like."""

from __future__ import annotations

import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgrec.data.findings import FindingKind, Occurrence, Pictures, ValueRange
from imgrec.data.images import ImageSpec, Traits, inspect_image
from imgrec.data.records import MAX_MEGAPIXELS, Record
from imgrec.data.suffixes import SUFFIXES, format_of
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order, usable_cores

SIDE = 32
"""The pixels a side of the picture that is hashed."""

# Bits that may differ. A hash has as many bits set as not, so distances are even; a photo saved
# again, or at another size, is 0 to 4 away, and other photos hardly ever less than 10.
DISTANCE = 4

# (first bit, bits): where at most DISTANCE bits differ, one of DISTANCE + 1 bands is the same.
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))

# Of 255 grey levels: below that, a hash would be one of noise.
_LEAST_CONTRAST = 2.0


def picture_hash(grey: NDArray[np.uint8]) -> int | None:
    """Return the 64-bit perceptual hash (DCT) of a grey uint8 (SIDE, SIDE).

    None if the picture is of one colour: all such would look alike.
    """
    import imagehash
    from PIL import Image

    if grey.std() < _LEAST_CONTRAST:
        return None
    bits = imagehash.phash(Image.fromarray(grey)).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def find_alike(hashes: NDArray[np.uint64]) -> list[list[int]]:
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


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """What one image is.

    identity: its SHA-256, empty if there is no file. reason: why it can't be read, empty
    if it can. traits: None if it can't. hash: 64 bits, None for an image of one colour.
    """

    identity: str
    reason: str = ""
    traits: Traits | None = None
    hash: int | None = None


def summarize_image(
    records: Sequence[Record], max_megapixels: int = MAX_MEGAPIXELS
) -> Iterator[ImageSummary]:
    """Yield a summary of each record, in order; each file is read once, in several threads."""
    workers, spec = usable_cores(), ImageSpec(SIDE, SIDE, 1, max_megapixels=max_megapixels)
    return map_in_order(partial(_look, spec=spec), records, workers, 4 * workers)


def _look(record: Record, spec: ImageSpec) -> ImageSummary:
    found = inspect_image(record, spec)
    if isinstance(found.pixels, BadImage):
        return ImageSummary(found.identity, found.fault)
    return ImageSummary(found.identity, "", found.traits, picture_hash(found.pixels[..., 0]))


def copies(
    splits: Mapping[str, Sequence[Record]], identities: Mapping[str, str]
) -> dict[FindingKind, tuple[Occurrence, ...]]:
    """Return the groups of records that have one identity.

    identities: by the record's name; a record without one has no copies. A group may be of
    several kinds: inside a split, across splits, under several labels.
    """
    groups: dict[str, list[tuple[str, Record]]] = defaultdict(list)
    for split, records in splits.items():
        for record in records:
            if identity := identities.get(record.name):
                groups[identity].append((split, record))
    found: dict[FindingKind, list[Occurrence]] = {
        FindingKind.COPIES: [],
        FindingKind.COPIES_ACROSS_SPLITS: [],
        FindingKind.COPIES_ACROSS_LABELS: [],
    }
    for group in groups.values():
        for kind in _kinds(group):
            found[kind].append(Occurrence(tuple(record.name for _, record in group)))
    return {kind: tuple(cases) for kind, cases in found.items()}


def _kinds(group: Sequence[tuple[str, Record]]) -> set[FindingKind]:
    kinds = set()
    splits = Counter(split for split, _ in group)
    if len(splits) > 1:
        kinds.add(FindingKind.COPIES_ACROSS_SPLITS)
    if max(splits.values()) > 1:
        kinds.add(FindingKind.COPIES)
    if len({record.labels for _, record in group}) > 1:
        kinds.add(FindingKind.COPIES_ACROSS_LABELS)
    return kinds


def differing_in_case(names: Iterable[str]) -> tuple[Occurrence, ...]:
    """Return the groups of names that are equal but for case and for how accents are stored."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[unicodedata.normalize("NFC", name).casefold()].append(name)
    return tuple(Occurrence(tuple(group)) for group in groups.values() if len(group) > 1)


_ELONGATED = 4
"""Times as long as wide: brought to a square, little of such an image is left."""

# Two bits less: at most a quarter of the brightness.
_DARK_BITS = 2


def _size(traits: Traits) -> str:
    return f"{traits.width} x {traits.height}"


_ODD: Mapping[FindingKind, Callable[[Traits], str]] = {
    FindingKind.ANIMATED: lambda traits: _size(traits) if traits.animated else "",
    FindingKind.SIXTEEN_BIT: lambda traits: f"{traits.bits} bits" if traits.bits > 8 else "",
    FindingKind.FEW_BITS: lambda traits: (
        f"{traits.used_bits} of {traits.bits} bits used"
        if traits.used_bits <= traits.bits - _DARK_BITS
        else ""
    ),
    FindingKind.UNUSED_CHANNELS: lambda traits: (
        f"{traits.unused_channels} beside {traits.mode}" if traits.unused_channels else ""
    ),
    FindingKind.ELONGATED: lambda traits: (
        _size(traits)
        if max(traits.width, traits.height) > _ELONGATED * min(traits.width, traits.height)
        else ""
    ),
    FindingKind.ROTATED: lambda traits: _size(traits) if traits.rotated else "",
    FindingKind.PROFILE: lambda traits: traits.mode if traits.profile else "",
    FindingKind.TRANSPARENT: lambda traits: traits.mode if traits.transparent else "",
}


def near_duplicates(
    splits: Mapping[str, Sequence[Record]], looks: Mapping[str, ImageSummary]
) -> dict[FindingKind, tuple[Occurrence, ...]]:
    """Return the groups of images that look alike and are not all the same file."""
    split_of = {record.name: split for split, records in splits.items() for record in records}
    names = [name for name, look in looks.items() if look.hash is not None]
    hashes = np.array([looks[name].hash for name in names], np.uint64)
    inside: list[Occurrence] = []
    across: list[Occurrence] = []
    for group in find_alike(hashes):
        members = tuple(names[index] for index in group)
        if len({looks[name].identity for name in members}) > 1:
            several = len({split_of[name] for name in members}) > 1
            (across if several else inside).append(Occurrence(members))
    return {FindingKind.NEAR_ACROSS_SPLITS: tuple(across), FindingKind.NEAR: tuple(inside)}


TRAIT_KINDS = {*_ODD, FindingKind.WRONG_SUFFIX}
"""What `oddities` looks for."""


def oddities(all_traits: Mapping[str, Traits]) -> dict[FindingKind, tuple[Occurrence, ...]]:
    """Return the images, by name, of which something is unusual, or not used."""
    found = {
        kind: tuple(
            Occurrence((name,), detail)
            for name, traits in all_traits.items()
            if (detail := describe(traits))
        )
        for kind, describe in _ODD.items()
    }
    return {**found, FindingKind.WRONG_SUFFIX: tuple(_wrong_suffixes(all_traits))}


def _wrong_suffixes(all_traits: Mapping[str, Traits]) -> Iterator[Occurrence]:
    for name, traits in all_traits.items():
        named = format_of(name)
        if named is not None and named != traits.format and traits.format in SUFFIXES:
            yield Occurrence((name,), traits.format)


def one_colour(looks: Mapping[str, ImageSummary]) -> tuple[Occurrence, ...]:
    """Return the readable images without a hash."""
    blank = (name for name, look in looks.items() if look.traits and look.hash is None)
    return tuple(Occurrence((name,)) for name in blank)


def describe_pictures(looks: Mapping[str, ImageSummary]) -> Pictures | None:
    """Return what the readable images are like, None where there is none."""
    traits = [look.traits for look in looks.values() if look.traits is not None]
    if not traits:
        return None
    return Pictures(
        width=_range(each.width for each in traits),
        height=_range(each.height for each in traits),
        aspect=_range(each.width / each.height for each in traits),
        formats=_numbers(each.format for each in traits),
        modes=_numbers(each.mode for each in traits),
    )


def _range(numbers: Iterable[float]) -> ValueRange:
    found = sorted(numbers)
    return ValueRange(found[0], statistics.median(found), found[-1])


def _numbers(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
