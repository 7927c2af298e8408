"""Copies of pictures are found among pictures that are like each other, and no others."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from imgrec.data.check.look_alikes import SIDE, find_look_alikes, has_contrast
from imgrec.data.sources.loaders.digits import read_digits

PICTURES = 60


def picture(seed: int) -> Image.Image:
    """Return a grey picture of soft shapes, 96x96."""
    pixels = np.random.default_rng(seed).integers(20, 200, (6, 6), np.uint8)
    return Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)


def saved(image: Image.Image) -> Image.Image:
    """Return the picture as a JPEG file holds it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    return Image.open(file)


def small(*images: Image.Image) -> NDArray[np.uint8]:
    """Return thumbnails of the pictures."""
    return np.stack(
        [np.asarray(each.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for each in images]
    )


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "re-encoded": saved,
    "smaller": lambda image: image.resize((image.width * 3 // 4, image.height * 3 // 4)),
    "cropped": lambda image: image.crop(
        (image.width // 25, 0, image.width, image.height - image.height // 25)
    ),
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "mirrored": lambda image: saved(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_found(kind: str) -> None:
    """At least 95 % of the copies are found with their original, nothing else, in any blocks."""
    originals = [picture(seed) for seed in range(PICTURES)]
    thumbnails = small(*originals, *(COPIES[kind](image) for image in originals))
    groups = find_look_alikes(thumbnails).groups
    assert find_look_alikes(thumbnails, block=32).groups == groups
    wanted = [[index, index + PICTURES] for index in range(PICTURES)]
    assert all(group in wanted for group in groups)
    assert len(groups) >= 0.95 * PICTURES


def test_pictures_of_one_class_are_not_copies() -> None:
    """Of the 1,797 digits, small, plain and centred, none is taken for a copy but the one made."""
    arrays = [np.asarray(record.source) for record in read_digits().records]
    digits = [Image.fromarray(each).resize((28, 28), Image.Resampling.BICUBIC) for each in arrays]
    copy = saved(digits[7].resize((21, 21)))
    assert find_look_alikes(small(*digits, copy)).groups == [[7, len(digits)]]


def test_one_colour_is_not_compared() -> None:
    """A wall of one colour looks like every other."""
    assert not has_contrast(np.full((SIDE, SIDE), 7, np.uint8))


def test_no_pictures() -> None:
    """Nothing looks like nothing."""
    found = find_look_alikes(np.zeros((0, SIDE, SIDE), np.uint8))
    assert (found.groups, found.complete) == ([], True)


def test_work_is_bounded() -> None:
    """Where too many pictures are candidates, the result says that not all were compared."""
    same = small(*[picture(0)] * 50)
    assert find_look_alikes(same).groups == [list(range(50))]
    assert not find_look_alikes(same, per_picture=10).complete
