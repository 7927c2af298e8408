"""What looking at the images has shown: which look alike, which are odd, what they are like."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from imgrec.data.findings import Case, Kind, Pictures, Range
from imgrec.data.look import Look
from imgrec.data.near import alike
from imgrec.data.records import Record
from imgrec.data.traits import Traits

_ELONGATED = 4
"""Times as long as wide: brought to a square, little of such an image is left."""

_ODD: Mapping[Kind, Callable[[Traits], bool]] = {
    Kind.ANIMATED: lambda traits: traits.animated,
    Kind.SIXTEEN_BIT: lambda traits: traits.sixteen_bit,
    Kind.ELONGATED: lambda traits: (
        max(traits.width, traits.height) > _ELONGATED * min(traits.width, traits.height)
    ),
    Kind.ROTATED: lambda traits: traits.rotated,
}


def near_duplicates(
    splits: Mapping[str, Sequence[Record]], looks: Mapping[str, Look]
) -> dict[Kind, tuple[Case, ...]]:
    """Return the groups of images that look alike and are not all the same file."""
    split_of = {record.name: split for split, records in splits.items() for record in records}
    names = [name for name, look in looks.items() if look.hash is not None]
    hashes = np.array([looks[name].hash for name in names], np.uint64)
    inside: list[Case] = []
    across: list[Case] = []
    for group in alike(hashes):
        members = tuple(names[index] for index in group)
        if len({looks[name].identity for name in members}) > 1:
            several = len({split_of[name] for name in members}) > 1
            (across if several else inside).append(Case(members))
    return {Kind.NEAR_ACROSS_SPLITS: tuple(across), Kind.NEAR: tuple(inside)}


def oddities(looks: Mapping[str, Look]) -> dict[Kind, tuple[Case, ...]]:
    """Return the images that are animated, of 16 bits, elongated, turned, or of one colour."""
    sound = {name: look for name, look in looks.items() if look.traits is not None}
    found = {
        kind: tuple(
            Case((name,), f"{look.traits.width} x {look.traits.height}")
            for name, look in sound.items()
            if look.traits is not None and is_odd(look.traits)
        )
        for kind, is_odd in _ODD.items()
    }
    blank = (name for name, look in sound.items() if look.hash is None)
    return {**found, Kind.ONE_COLOUR: tuple(Case((name,)) for name in blank)}


def describe_pictures(looks: Mapping[str, Look]) -> Pictures | None:
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


def _range(numbers: Iterable[float]) -> Range:
    found = sorted(numbers)
    return Range(found[0], statistics.median(found), found[-1])


def _numbers(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
