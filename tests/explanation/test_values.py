"""Places are in pixels of the picture, whatever the model was shown of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgrec.data.images import ImageSpec, decode, decode_whole
from imgrec.explanation.values import Area, Heat, Segments, regions

AREAS = st.builds(
    lambda left, top, width, height: Area(left, top, left + width, top + height),
    *(st.floats(-50, 50) for _ in range(2)),
    *(st.floats(0.1, 50) for _ in range(2)),
)


@given(AREAS, AREAS)
def test_the_overlap_of_two_areas(one: Area, other: Area) -> None:
    """From 0 to 1, the same either way, 1 with itself."""
    assert 0 <= one.overlap(other) <= 1
    assert one.overlap(other) == pytest.approx(other.overlap(one))
    assert one.overlap(one) == pytest.approx(1)


def test_areas_that_only_touch_share_nothing() -> None:
    """Neither do those that lie apart on both sides."""
    assert Area(0, 0, 1, 1).overlap(Area(1, 0, 2, 1)) == 0
    assert Area(0, 0, 1, 1).overlap(Area(3, 3, 4, 4)) == 0
    assert Area(0, 0, 2, 1).overlap(Area(1, 0, 3, 1)) == pytest.approx(1 / 3)


def test_a_heat_map_lies_over_its_area() -> None:
    """The hot cell is where it is in the picture, also in another size; beyond, there is none."""
    values = np.array([[0, 1], [0, 0]], np.float32)
    heat = Heat(values, Area(100, 0, 300, 200))
    over = heat.over((400, 200), (40, 20))
    assert over.shape == (20, 40)
    assert over[:, :10].max() == over[:, 30:].max() == 0
    assert over[4, 25] > 0.9
    (box,) = regions(heat, (400, 200), 0.5)
    assert Area(200, 0, 300, 100).overlap(box) > 0.9


def test_a_region_is_what_is_connected() -> None:
    """Also where its parts only meet further down; a corner connects nothing."""
    values = np.zeros((256, 256), np.float32)
    values[:100, :20] = values[:100, 80:100] = values[80:100, :100] = 1
    values[100:150, 100:150] = 1
    heat = Heat(values, Area(0, 0, 256, 256))
    assert regions(heat, (256, 256), 0.5) == (Area(0, 0, 100, 100), Area(100, 100, 150, 150))


def test_segments_lie_over_their_area() -> None:
    """Each pixel has the answer of its place; -1 where it is unknown, and beyond."""
    probabilities = np.array([[[0.9, 0.1], [0.2, 0.8]]], np.float32)
    named = np.array([[[True, False], [False, True]]])
    found = Segments(probabilities, named, Area(0, 0, 20, 10))
    assert found.over((30, 10), (6, 2)).tolist() == [[0, 0, 1, 1, -1, -1]] * 2
    unknown = Segments(probabilities, named & [[[False], [True]]], Area(0, 0, 20, 10))
    assert unknown.answers.tolist() == [[-1, 1]]
    assert unknown.heat(0).values.tolist() == [[0, pytest.approx(0.2)]]


def test_a_place_may_show_several_classes_or_a_less_probable_one() -> None:
    """Each class has its own share; shown is the most probable of those that are named."""
    probabilities = np.array([[[0.6, 0.5], [0.6, 0.5]]], np.float32)
    area = Area(0, 0, 20, 10)
    found = Segments(probabilities, np.array([[[False, True], [True, True]]]), area)
    assert found.answers.tolist() == [[1, 0]]
    pixels = found.pixels((20, 10))
    assert [pixels[found.named[..., column]].sum() for column in (0, 1)] == [100, 200]


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(60, 30), (30, 60), (31, 17)])
def test_what_the_model_sees_of_a_picture(fit: str, size: tuple[int, int]) -> None:
    """A bright spot is seen where `seen` says that it lies."""
    spec = ImageSpec(40, 40, 1, "bilinear", fit)  # type: ignore[arg-type]
    image = Image.new("L", size)
    middle = size[0] // 2 + 3, size[1] // 2 - 2
    image.paste(255, (middle[0] - 2, middle[1] - 2, middle[0] + 2, middle[1] + 2))
    rows, columns = np.nonzero(decode(image, spec)[..., 0] > 100)
    left, top, right, bottom = spec.visible_part(size)
    found = (
        left + (columns.mean() + 0.5) * (right - left) / 40,
        top + (rows.mean() + 0.5) * (bottom - top) / 40,
    )
    assert found == pytest.approx(middle, abs=1)


def test_a_whole_picture_cut_out_is_what_is_decoded() -> None:
    """One path for pixels: a window over everything is what the model sees in `predict`."""
    random = np.random.default_rng(0)
    image = Image.fromarray(random.integers(0, 256, (50, 70, 3), np.uint8))
    for channels in (1, 3):
        spec = ImageSpec(24, 32, channels, "bicubic")
        upright = decode_whole(image, 1 if channels == 1 else 3)
        assert upright.size == (70, 50)
        np.testing.assert_array_equal(spec.crop(upright, (0, 0, 70, 50)), decode(image, spec))
