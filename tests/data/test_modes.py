"""What the many ways to store pixels become without being copied."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from imgrec.data.images.conversion import flattened


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1)])
def test_pixels_that_are_flat_already_are_not_copied(mode: str, channels: int) -> None:
    """Most photos are: each copy Pillow makes of one takes a tenth of the time of decoding it."""
    image = Image.new(mode, (4, 4))
    assert flattened(image, channels) is image


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16"]
)
def test_large_images_are_converted_like_small_ones(mode: str, channels: int) -> None:
    """They are converted in parts, which changes no pixel."""
    rng = np.random.default_rng(0)
    bands = len(Image.new(mode, (1, 1)).getbands())
    size = (1300, 900)
    raw = rng.bytes(size[0] * size[1] * (2 if mode == "I;16" else bands))
    if mode == "1":
        image = Image.frombytes("L", size, raw).convert("1")
    elif mode in {"P", "PA"}:
        image = Image.frombytes(mode, size, raw)
        image.putpalette(rng.bytes(768))
    else:
        image = Image.frombytes(mode, size, raw)
    if mode in {"P", "RGB", "L"}:
        image.info["transparency"] = (1, 2, 3) if mode == "RGB" else 3
    whole = np.asarray(flattened(image, channels))
    for top in (0, 700):
        part = flattened(image.crop((0, top, 1300, top + 200)), channels)
        np.testing.assert_array_equal(whole[top : top + 200], np.asarray(part))
