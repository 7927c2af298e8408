"""Pictures that look alike are found, others are not, and all pairs need not be compared."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imgrec.data.check.find import DISTANCE, SIDE, find_alike, picture_hash

HASHES = st.integers(0, 2**64 - 1)


def picture(seed: int) -> Image.Image:
    """Return a grey 96x96 picture of soft shapes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6), np.uint8)
    return Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)


def small(image: Image.Image) -> NDArray[np.uint8]:
    """Return the picture at the size that is hashed."""
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def number(image: Image.Image) -> int:
    """Return the hash of a picture that has one."""
    found = picture_hash(small(image))
    assert found is not None
    return found


def test_a_changed_picture_stays_near() -> None:
    """Another size, brightness or sharpness leaves a picture near; others are far away."""
    image = picture(0)
    changed = (
        image.resize((50, 40)),
        image.point(lambda value: value * 0.8 + 20),
        image.filter(ImageFilter.GaussianBlur(1)),
    )
    assert all((number(image) ^ number(each)).bit_count() <= DISTANCE for each in changed)
    assert (number(image) ^ number(picture(1))).bit_count() > 2 * DISTANCE


def test_one_colour_has_no_hash() -> None:
    """A wall of one colour looks like every other: it is not compared."""
    assert picture_hash(np.full((SIDE, SIDE), 7, np.uint8)) is None


def test_no_hashes() -> None:
    """Nothing looks like nothing."""
    assert find_alike(np.array([], np.uint64)) == []


@given(st.lists(HASHES, max_size=12), st.lists(st.sampled_from(range(64)), max_size=DISTANCE))
def test_groups_are_those_of_all_pairs(hashes: list[int], flipped: list[int]) -> None:
    """The search finds just what comparing every pair does, wherever the bits differ."""
    mask = sum({1 << bit for bit in flipped})
    both = [*hashes, *(one ^ mask for one in hashes)]
    groups = find_alike(np.array(both, np.uint64))
    group_of = {index: place for place, group in enumerate(groups) for index in group}
    assert len(group_of) == sum(map(len, groups))
    for one in range(len(both)):
        near = [
            other
            for other in range(len(both))
            if other != one and (both[one] ^ both[other]).bit_count() <= DISTANCE
        ]
        assert bool(near) == (one in group_of)
        assert all(group_of[one] == group_of[other] for other in near)


def test_a_hundred_thousand() -> None:
    """A hundred thousand hashes, ten near pairs and a thousand equal ones among them."""
    hashes = np.random.default_rng(0).integers(0, 2**63, 100_000, np.int64).astype(np.uint64)
    hashes[-10:] = hashes[:10] ^ np.uint64(0b1001 << 30)
    hashes[1_000:2_000] = hashes[1_000]
    groups = find_alike(hashes)
    assert sorted(map(len, groups)) == [2] * 10 + [1_000]
