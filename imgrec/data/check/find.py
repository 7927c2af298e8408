"""Duplicates, near-duplicates and odd images, and what the images are like."""

from __future__ import annotations

import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgrec.data.check.look_alikes import SIDE, find_look_alikes, has_contrast
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Occurrence, Pictures, ValueRange
from imgrec.data.images import ImageSpec, Traits, decode, inspect_image
from imgrec.data.records import MAX_MEGAPIXELS, Record
from imgrec.data.suffixes import is_misnamed
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order, usable_cores
from imgrec.text import count_of

Thumbnail: TypeAlias = NDArray[np.uint8]
"""A grey image, uint8 (SIDE, SIDE)."""


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """What one image is.

    identity: its SHA-256, empty if there is no file. reason: why it can't be read, empty
    if it can. traits: None if it can't. thumbnail: None for an image of nearly one colour.
    """

    identity: str
    reason: str = ""
    traits: Traits | None = None
    thumbnail: Thumbnail | None = None


def summarize_image(
    records: Sequence[Record], max_megapixels: int = MAX_MEGAPIXELS
) -> Iterator[ImageSummary]:
    """Yield a summary of each record, in order; each file is read once, in several threads."""
    workers, spec = usable_cores(), ImageSpec(SIDE, SIDE, 1, max_megapixels=max_megapixels)
    # A thread gets several at a time: a small picture takes no longer than handing it over.
    batches = (records[start : start + _BATCH] for start in range(0, len(records), _BATCH))
    found = map_in_order(partial(_look_at_each, spec=spec), batches, workers, 4 * workers)
    return chain.from_iterable(found)


_BATCH = 8


def _look_at_each(records: Sequence[Record], spec: ImageSpec) -> list[ImageSummary]:
    return [_look(record, spec) for record in records]


def _look(record: Record, spec: ImageSpec) -> ImageSummary:
    found = inspect_image(record, spec)
    if isinstance(found.pixels, BadImage):
        return ImageSummary(found.identity, found.fault)
    return ImageSummary(found.identity, "", found.traits, _compared(found.pixels))


def thumbnail_of(pixels: NDArray[np.uint8], *, padded: bool = False) -> Thumbnail | None:
    """Return the thumbnail of a decoded image; None if it is of nearly one colour.

    Args:
        pixels: uint8 (height, width, channels).
        padded: Whether black was added around the picture; it is left out.
    """
    if padded and pixels.any():
        rows, columns = (np.flatnonzero(pixels.any(axis=axes)) for axes in ((1, 2), (0, 2)))
        pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _compared(decode(pixels, ImageSpec(SIDE, SIDE, 1)))


def _compared(pixels: NDArray[np.uint8]) -> Thumbnail | None:
    thumbnail = np.ascontiguousarray(pixels[..., 0])
    return thumbnail if has_contrast(thumbnail) else None


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
        FindingKind.DUPLICATES: [],
        FindingKind.DUPLICATES_ACROSS_SPLITS: [],
        FindingKind.DUPLICATES_ACROSS_LABELS: [],
    }
    for group in groups.values():
        for kind in _kinds(group):
            found[kind].append(Occurrence(tuple(record.name for _, record in group)))
    return {kind: tuple(cases) for kind, cases in found.items()}


def _kinds(group: Sequence[tuple[str, Record]]) -> set[FindingKind]:
    kinds = set()
    splits = Counter(split for split, _ in group)
    if len(splits) > 1:
        kinds.add(FindingKind.DUPLICATES_ACROSS_SPLITS)
    if max(splits.values()) > 1:
        kinds.add(FindingKind.DUPLICATES)
    if len({record.labels for _, record in group}) > 1:
        kinds.add(FindingKind.DUPLICATES_ACROSS_LABELS)
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
    FindingKind.COLOUR_PROFILE: lambda traits: traits.mode if traits.profile else "",
    FindingKind.TRANSPARENT: lambda traits: traits.mode if traits.transparent else "",
}


def near_duplicates(
    splits: Mapping[str, Sequence[Record]],
    identities: Mapping[str, str],
    thumbnails: Mapping[str, Thumbnail | None],
    *,
    per_picture: int = 50_000,
) -> dict[FindingKind, tuple[Occurrence, ...]]:
    """Return the groups of images that look alike and are not all the same file.

    If the search ended after `per_picture` comparisons for each image, on average, a case says so.
    """
    split_of = {record.name: split for split, records in splits.items() for record in records}
    compared = {name: each for name, each in thumbnails.items() if each is not None}
    pixels = np.stack([np.zeros((SIDE, SIDE), np.uint8), *compared.values()])[1:]
    found = find_look_alikes(pixels, per_picture=per_picture)
    names = list(compared)
    inside: list[Occurrence] = []
    across: list[Occurrence] = []
    for group in found.groups:
        members = tuple(names[index] for index in group)
        if len({identities.get(name, "") for name in members}) > 1:
            several = len({split_of[name] for name in members}) > 1
            (across if several else inside).append(Occurrence(members))
    ended = (
        f"{count_of(len(names), 'image')}, at most {per_picture:,} comparisons for each on average"
    )
    return {
        FindingKind.NEAR_DUPLICATES_ACROSS_SPLITS: tuple(across),
        FindingKind.NEAR_DUPLICATES: tuple(inside),
        FindingKind.NOT_COMPARED: () if found.complete else (Occurrence(tuple(splits), ended),),
    }


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
        if is_misnamed(name, traits.format):
            yield Occurrence((name,), traits.format)


def one_colour(thumbnails: Mapping[str, Thumbnail | None]) -> tuple[Occurrence, ...]:
    """Return the readable images that are not compared with others."""
    return tuple(Occurrence((name,)) for name, each in thumbnails.items() if each is None)


def describe_pictures(traits: Sequence[Traits]) -> Pictures | None:
    """Return what the readable images are like, None if there is none."""
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
