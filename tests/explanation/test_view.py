"""Grad-CAM looks at a picture in its own size, where the network takes it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgrec.data.images import ImageSpec
from imgrec.explanation.gradcam import in_own_size, takes_any_size
from imgrec.explanation.values import Area, Picture, ViewedRegion
from tests.explanation.made import SIDE, network

SPEC = ImageSpec(48, 64, 3)


def photo(width: int, height: int) -> Picture:
    """Return a grey picture, as a view for a model that takes SPEC."""
    pixels = np.full((SPEC.height, SPEC.width, 3), 7, np.uint8)
    image = Image.new("RGB", (width, height), (90, 90, 90))
    return Picture("made", image, pixels, Area(1, 2, 3, 4))


def test_what_pools_globally_takes_any_size() -> None:
    """What flattens its map does not, nor what has an answer for each place."""
    from keras import layers

    pooled = [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    assert takes_any_size(network(*pooled))
    assert not takes_any_size(network(layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)))
    shaped = layers.Reshape((SIDE * SIDE * 3,))
    assert not takes_any_size(network(layers.Conv2D(3, 1), shaped, layers.Dense(2)))
    assert not takes_any_size(network(layers.Conv2D(3, 1), layers.Flatten(), layers.Softmax()))


@given(st.integers(10, 500), st.integers(10, 500))
def test_a_picture_is_seen_whole_and_in_its_size(width: int, height: int) -> None:
    """No smaller than the model takes, at most twice as large; a long one as the model sees it."""
    made = photo(width, height)
    pixels, view = in_own_size(made, SPEC)
    if max(width, height) > 4 * min(width, height):
        assert (pixels is made.pixels, view) == (True, ViewedRegion(made.seen, (64, 48)))
        return
    assert view.area == made.whole
    assert view.size == (pixels.shape[1], pixels.shape[0])
    over = [side - own for side, own in zip(view.size, (64, 48), strict=True)]
    assert min(over) >= 0
    assert [each % 32 for each in over] == [0, 0]
    scale = min(max(min(width / 64, height / 48), 1), 2) / min(width / 64, height / 48)
    for side, own in zip(view.size, (width, height), strict=True):
        assert side == pytest.approx(own * scale, abs=16.01)


def test_small_models_have_small_steps() -> None:
    """A picture of the model's own size stays as it is."""
    _, view = in_own_size(photo(8, 8), ImageSpec(8, 8, 3))
    assert view.size == (8, 8)
    _, larger = in_own_size(photo(30, 20), ImageSpec(8, 8, 3))
    assert larger.size == (24, 16)
