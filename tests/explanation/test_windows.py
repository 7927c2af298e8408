"""A classifier slid over a picture finds things, and no more often than it was allowed to look."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import BadImage
from imgrec.explanation.values import Area, Detection
from imgrec.explanation.windows import detections, places, score_windows, suppressed
from imgrec.runtime.engine import Engine
from imgrec.runtime.exported import FunctionEngine
from imgrec.runtime.merged_classes import with_merged_classes
from imgrec.scores import ONE_LABEL, Decision
from tests.explanation.made import SPEC, asked, picture, red_or_blue, spotted

CLASSES = ("red", "blue", "dark")
RED = Area(10, 30, 60, 80)


def test_a_thing_is_found_where_it_is() -> None:
    """What red fills is one box, of a good overlap with the red spot, and hottest there."""
    made = picture(spotted(RED, (160, 100)))
    looked = score_windows(asked(), made, ONE_LABEL)
    every = detections(asked(), looked, ONE_LABEL)
    (found,) = (each for each in every if each.class_name == "red")
    assert found.area.overlap(RED) > 0.6
    heat = looked.heat(0).over(made.image.size, made.image.size)
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert RED.left < column < RED.right
    assert RED.top < row < RED.bottom


def test_two_things_of_a_class_are_two() -> None:
    """And one of another class is a third."""
    image = spotted(RED, (300, 100))
    image.paste((255, 0, 0), (230, 20, 290, 80))
    image.paste((0, 0, 255), (120, 20, 180, 80))
    looked = score_windows(asked(), picture(image), ONE_LABEL, 100)
    found = detections(asked(), looked, Decision(0.5))
    names = sorted(each.class_name for each in found if each.class_name != "dark")
    assert names == ["blue", "red", "red"]
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_what_is_unknown_is_background() -> None:
    """Below the threshold, and where it is not familiar, nothing is found."""
    made = picture(spotted(RED, (160, 100)))
    assert not score_windows(asked(), made, Decision(1.01)).named.any()

    def strange(images: NDArray[np.float32]) -> NDArray[np.float32]:
        answers = red_or_blue(images)
        return np.concatenate([answers, answers[:, :1]], axis=1)  # familiar where it is red

    least = Decision(0.5, 0.9)
    engine = FunctionEngine(strange, CLASSES, SPEC)
    looked = score_windows(engine, made, least)
    assert {each.class_name for each in detections(engine, looked, least)} == {"red"}


def test_a_threshold_of_each_class_where_there_may_be_several() -> None:
    """What reaches none is background; a class is found where it reaches its own."""
    made = picture(spotted(RED, (160, 100)))
    least = Decision(class_thresholds=(0.9, 0.9, 1.01))
    looked = score_windows(asked(), made, least)
    assert 0 < looked.named.any(axis=1).sum() < len(looked.windows)
    assert {each.class_name for each in detections(asked(), looked, least)} == {"red"}


def test_a_class_that_no_window_predicts_is_not_found() -> None:
    """However low the limit: second best is not found."""

    def rather_red(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.array([0.6, 0.3, 0.1], np.float32), (len(images), 1))

    made, least = picture(spotted(RED, (160, 100))), Decision(0.0)
    engine = FunctionEngine(rather_red, CLASSES, SPEC)
    looked = score_windows(engine, made, least)
    assert {each.class_name for each in detections(engine, looked, least)} == {CLASSES[0]}


@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.6, 0.9])
def test_a_box_has_the_probability_by_which_it_is_shown(threshold: float) -> None:
    """It is what the model answers for the box, and at least the threshold."""
    image = spotted(RED, (160, 100))
    image.paste((0, 0, 160), (100, 20, 160, 80))
    made, least = picture(image), Decision(threshold)
    found = detections(asked(), score_windows(asked(), made, least), least)
    assert min(each.score for each in found) >= threshold
    whole = [each.score for each in found if each.area == made.whole]
    answer = asked().answers(SPEC.crop(image, made.whole)[np.newaxis]).probabilities.max()
    assert whole == ([] if answer < threshold else [pytest.approx(answer)])


def test_classes_of_the_same_place_are_one() -> None:
    """Of boxes that overlap by more than half, the most probable stays, merged classes as one."""

    def two_reds(images: NDArray[np.float32]) -> NDArray[np.float32]:
        red, blue, dark = red_or_blue(images).T
        lower = images[:, SPEC.height // 2 :, :, 0].mean(axis=(1, 2)) / 255
        return np.stack([red * (1 - lower), red * lower, blue, dark], axis=1)

    engine = FunctionEngine(two_reds, ("crimson", "scarlet", "blue", "dark"), SPEC)
    made = picture(spotted(RED, (160, 100)))

    def found(engine: Engine) -> list[Detection]:
        every = detections(engine, score_windows(engine, made, ONE_LABEL), ONE_LABEL)
        return [each for each in every if each.area.overlap(RED) > 0.5]

    assert len(found(engine)) == 1
    merged = with_merged_classes(engine, {"red": ("crimson", "scarlet")}, "made")
    assert [each.class_name for each in found(merged)] == ["red"]


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
    """The surer one; what overlaps little stays, what lies within it goes."""
    best = Detection("cat", 0.9, Area(0, 0, 10, 10))
    same = Detection("cat", 0.3, Area(4, 0, 14, 10))
    inside = Detection("cat", 0.8, Area(1, 1, 4, 4))
    far = Detection("cat", 0.7, Area(9, 0, 19, 10))
    assert suppressed([same, far, inside, best]) == [best, far]


BOXES = st.builds(
    lambda left, top, width, height, score: Detection(
        "cat", score, Area(left, top, left + width, top + height)
    ),
    *(st.integers(0, 50) for _ in range(2)),
    *(st.integers(1, 50) for _ in range(2)),
    st.floats(0.01, 1),
)


@given(st.lists(BOXES, max_size=20))
def test_what_is_kept_was_found_and_lies_apart(found: list[Detection]) -> None:
    """By falling score; no two of it overlap much, and the surest is among it."""
    kept = suppressed(found)
    assert set(kept) <= set(found)
    assert bool(kept) == bool(found)
    scores = [each.score for each in kept]
    assert scores == sorted(scores, reverse=True)
    assert max(scores, default=0) == max((each.score for each in found), default=0)
    for one, other in itertools.combinations(kept, 2):
        assert one.area.overlap(other.area) <= 0.3
