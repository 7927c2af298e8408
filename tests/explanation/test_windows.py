"""A classifier slid over a picture finds things, and no more often than it was allowed to look."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.data.images import ImageSpec
from imgrec.errors import BadImage
from imgrec.evaluation.abstention import NO_LIMITS, Limits
from imgrec.explanation.values import Area, Found
from imgrec.explanation.windows import detections, look, places, suppressed
from imgrec.runtime.exported import FunctionEngine
from tests.explanation.made import SPEC, asked, picture, red_or_blue, spotted

RED = Area(10, 30, 60, 80)


def test_a_thing_is_found_where_it_is() -> None:
    """The windows that red fills are in the red spot, and there it is hot."""
    made = picture(spotted(RED, (160, 100)))
    looked = look(asked(), made, NO_LIMITS)
    found = detections(looked, ("red", "blue", "dark"), 0.9)
    boxes = [each for each in found if each.class_name == "red"]
    assert boxes
    for each in boxes:
        assert each.area.shared(RED) > 0.9 * each.area.size
        assert each.score > 0.9
    heat = looked.heat(0, made).over(made.image.size, made.image.size)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert RED.left < column < RED.right
    assert RED.top < row < RED.bottom


def test_what_is_unknown_is_background() -> None:
    """Below the threshold, and where it is not familiar, nothing is found."""
    made = picture(spotted(RED, (160, 100)))
    classes = ("red", "blue", "dark")
    assert not look(asked(), made, Limits(1.01)).known.any()

    def strange(images: np.ndarray) -> np.ndarray:
        answers = red_or_blue(images)
        return np.concatenate([answers, answers[:, :1]], axis=1)  # familiar where it is red

    looked = look(FunctionEngine(strange, classes, SPEC), made, Limits(0.5, 0.9))
    assert {each.class_name for each in detections(looked, classes, 0.5)} == {"red"}


@given(
    width=st.integers(16, 3000),
    height=st.integers(16, 3000),
    most=st.integers(1, 300),
    spec=st.sampled_from([ImageSpec(32, 32, 3), ImageSpec(24, 32, 1), ImageSpec(8, 8, 1)]),
)
def test_windows_lie_in_the_picture_and_are_few_enough(
    width: int, height: int, most: int, spec: ImageSpec
) -> None:
    """None leaves the picture; together with the largest of each row they cover it."""
    most = max(most, 10 * max(width, height) // min(width, height) + 20)
    windows = list(places((width, height), spec, most, "made"))
    assert 1 <= len(windows) <= most
    for window in windows:
        assert -1e-6 <= window.left < window.right <= width + 1e-6
        assert -1e-6 <= window.top < window.bottom <= height + 1e-6
        aspect = (window.right - window.left) / (window.bottom - window.top)
        assert aspect == pytest.approx(spec.width / spec.height)
    assert min(window.left for window in windows) == pytest.approx(0, abs=width / 2)


def test_a_budget_that_is_too_small_for_every_size_takes_the_largest() -> None:
    """One window is the middle of the picture."""
    windows = list(places((64, 32), SPEC, 1, "made"))
    assert windows == [Area(16, 0, 48, 32)]


def test_a_picture_smaller_than_the_window_is_named() -> None:
    """Half the size of what the model takes is enough, less is not."""
    assert list(places((16, 16), SPEC, 200, "made")) == [Area(0, 0, 16, 16)]
    with pytest.raises(BadImage) as caught:
        list(places((400, 15), SPEC, 200, "tiny.png"))
    assert caught.value.name == "tiny.png"
    assert caught.value.reason == "400x15 pixels, smaller than the smallest window (16x16)"


def test_of_two_that_say_the_same_one_stays() -> None:
    """The surer one, at the mean place; another class and another place stay as they are."""
    best = Found("cat", 0.9, Area(0, 0, 10, 10))
    same = Found("cat", 0.3, Area(4, 0, 14, 10))
    other = Found("dog", 0.8, Area(0, 0, 10, 10))
    far = Found("cat", 0.7, Area(50, 0, 60, 10))
    found = suppressed([same, far, other, best])
    assert [each[:2] for each in found] == [("cat", 0.9), ("dog", 0.8), ("cat", 0.7)]
    for each, area in zip(found, [Area(1, 0, 11, 10), other.area, far.area], strict=True):
        assert each.area == pytest.approx(area)


@given(
    st.lists(
        st.builds(
            lambda left, top, width, height, score: Found(
                "cat", score, Area(left, top, left + width, top + height)
            ),
            *(st.integers(0, 50) for _ in range(2)),
            *(st.integers(1, 50) for _ in range(2)),
            st.floats(0.01, 1),
        ),
        max_size=20,
    )
)
def test_nothing_is_kept_that_was_not_found(found: list[Found]) -> None:
    """What stays is by falling score, no more than there was, and within the boxes' hull."""
    kept = suppressed(found)
    scores = [each.score for each in kept]
    assert scores == sorted(scores, reverse=True)
    assert len(kept) <= len(found)
    assert bool(kept) == bool(found)
    for each in kept:
        assert each.area.left >= min(one.area.left for one in found) - 1e-6
        assert each.area.right <= max(one.area.right for one in found) + 1e-6
