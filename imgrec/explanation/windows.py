"""A classifier as a detector: it classifies windows of many sizes, all over a picture.

The heat of a place is the mean probability of the windows around it; small ones count more. Boxes
around the regions above several levels of heat are candidates, ranked by how much hotter they are
than their surroundings. Non-maximum suppression removes duplicates, as in Felzenszwalb et al.,
"Object Detection with Discriminatively Trained Part-Based Models", 2010. The windows themselves
would be bad candidates: a classifier is just as confident about a part of an object as about all of
it.

A candidate is then classified itself. Its score is the probability that the model gives to that
part of the picture, and decides whether it is shown.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import BadImage
from imgrec.explanation.values import Area, Detection, Heat, Picture, cells, regions
from imgrec.runtime.engine import Engine
from imgrec.runtime.score import answers_in_batches
from imgrec.scores import Decision

WINDOWS = 200
"""The largest number of windows per picture."""

# Sides of the windows over the longest that fits into the picture: each has half of the area.
_SCALES = tuple(2 ** (-step / 2) for step in range(5))
# From window to window, in sides of a window.
_STEPS = (*(0.1 * 1.1**power for power in range(25)), 1.0, 2.0, 4.0, math.inf)

# Of the heat map along the picture's longer side.
_CELLS = 90
# Chosen on composed pictures (experiments/explanations.py) of other seeds than those reported.
_LEVELS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
_AROUND = 0.3
_OVERLAP = 0.3
_WITHIN = 0.7
_SAME_PLACE = 0.5

_Side = tuple[float, float]


@dataclass(frozen=True)
class ScoredWindows:
    """The output of a model for windows of a picture.

    Args:
        picture: The picture.
        windows: Where they are.
        probabilities: float32 (windows, classes).
        named: The predicted classes of each window, bool (windows, classes); none where the answer
            is "unknown".
    """

    picture: Picture
    windows: tuple[Area, ...]
    probabilities: NDArray[np.float32]
    named: NDArray[np.bool_]

    def scores(self, column: int) -> NDArray[np.float32]:
        """Return the probability of a class in each window, float32 (windows,); 0 if unknown."""
        known = self.named.any(axis=1)
        return np.where(known, self.probabilities[:, column], 0).astype(np.float32)

    def heat(self, column: int) -> Heat:
        """Return the mean probability of a class over the windows that cover a place.

        Each counts by the inverse square of its area.
        """
        width, height = self.picture.image.size
        scale = _CELLS / max(width, height)
        shape = max(1, round(height * scale)), max(1, round(width * scale))
        total, weights = np.zeros(shape), np.full(shape, np.finfo(float).tiny)
        for score, area in zip(self.scores(column), self.windows, strict=True):
            weight = (width * height / area.size) ** 2
            part = cells(area, self.picture.whole, shape)
            total[part] += score * weight
            weights[part] += weight
        return Heat((total / weights).astype(np.float32), self.picture.whole)


def score_windows(
    engine: Engine, picture: Picture, decision: Decision, most: int = WINDOWS
) -> ScoredWindows:
    """Run the model on parts of a picture.

    Args:
        engine: The model.
        picture: The picture.
        decision: How the probabilities of a window become labels.
        most: The largest number of windows.

    Raises:
        BadImage: The picture is smaller than half of the model's input.
    """
    windows = tuple(places(picture.image.size, engine.spec, most, picture.name))
    return _scored(engine, picture, decision, windows)


def detections(
    engine: Engine, looked: ScoredWindows, decision: Decision, wanted: int | None = None
) -> tuple[Detection, ...]:
    """Return the boxes in a picture, by falling score: the probability of the class for the box.

    A box is classified with as much around it as gives it the model's aspect ratio. Of boxes of
    different classes on the same place, with an IoU of more than 0.5, the one with the highest
    score stays.

    Args:
        engine: The model.
        looked: The windows.
        decision: Gives the lowest score of a box.
        wanted: The column of the class to look for; None for every class that is the answer for
            some window, whose boxes are kept if it is the answer for the box, too.
    """
    picture = looked.picture
    answered = np.flatnonzero(looked.named.any(axis=0)).tolist()
    candidates = [
        (column, area)
        for column in (answered if wanted is None else [wanted])
        for area in _things(looked.heat(column), picture.image.size)
    ]
    if not candidates:
        return ()
    around = tuple(_fitting(area, picture.image.size, engine.spec) for _, area in candidates)
    boxes = _scored(engine, picture, decision, around)
    found = []
    for row, (column, area) in enumerate(candidates):
        score = float(boxes.probabilities[row, column])
        is_answer = boxes.named[row].any() if wanted is not None else boxes.named[row, column]
        if is_answer and score >= decision.threshold(column):
            found.append(Detection(engine.classes[column], score, area))
    return _one_class_each(found)


def suppressed(candidates: Sequence[Detection]) -> list[Detection]:
    """Return the candidates of one class without duplicates, by falling score.

    Of two that overlap by an IoU of more than 0.3, or of which one lies by 0.7 within the other,
    the lower score goes.
    """
    waiting, kept = sorted(candidates, key=lambda each: -each.score), []
    while waiting:
        best = waiting[0]
        kept.append(best)
        waiting = [each for each in waiting[1:] if not _is_same(each.area, best.area)]
    return kept


def places(size: tuple[int, int], spec: ImageSpec, most: int, name: str) -> Iterator[Area]:
    """Yield at most `most` windows of the model's aspect ratio, the largest first.

    Windows of a size are evenly spread; how close they are depends on `most`. None is smaller than
    half of the model's input, as it would be enlarged more than twofold.

    Args:
        size: (width, height) of the picture.
        spec: The input of the model.
        most: The largest number of windows.
        name: The picture, for messages.
    """
    largest = largest_window(size, spec, name)
    sides = [
        (spec.width * largest * scale, spec.height * largest * scale)
        for scale in _SCALES
        if largest * scale >= 1 / 2
    ]
    for side, grid in _grids(size, sides, most):
        yield from _spread(size, side, grid)


def largest_window(size: tuple[int, int], spec: ImageSpec, name: str) -> float:
    """Return the size of the largest window of a picture, as a multiple of the model's input.

    Args:
        size: (width, height) of the picture.
        spec: The input of the model.
        name: The picture, for the message.

    Raises:
        BadImage: It is less than half. Enlarging that more than twofold would show nothing.
    """
    largest = min(size[0] / spec.width, size[1] / spec.height)
    if largest < 1 / 2:
        least = f"{-(-spec.width // 2)}x{-(-spec.height // 2)}"
        reason = f"{size[0]}x{size[1]} pixels, smaller than the smallest window ({least})"
        raise BadImage(name, reason)
    return largest


def _scored(
    engine: Engine, picture: Picture, decision: Decision, windows: tuple[Area, ...]
) -> ScoredWindows:
    crops = (engine.spec.crop(picture.image, area) for area in windows)
    answers = answers_in_batches(engine, crops)
    named = decision.decide(answers.probabilities, answers.ood_similarity)
    return ScoredWindows(picture, windows, answers.probabilities, named)


def _things(heat: Heat, size: tuple[int, int]) -> list[Area]:
    """Return the candidates of a class, those first that are hotter than what is around them."""
    hottest = float(heat.values.max())
    if hottest <= 0:
        return []
    candidates = [
        Detection("", _contrast(heat, area), area)
        for level in _LEVELS
        for area in regions(heat, size, level * hottest)
    ]
    return [each.area for each in suppressed(candidates)]


def _fitting(area: Area, size: tuple[int, int], spec: ImageSpec) -> Area:
    """Return an area with what is around it, in the model's aspect ratio if the picture allows.

    It is not smaller than half of the model's input, like a window.
    """
    scale = max(
        (area.right - area.left) / spec.width, (area.bottom - area.top) / spec.height, 1 / 2
    )
    left, right = _centred(area.left, area.right, scale * spec.width, size[0])
    top, bottom = _centred(area.top, area.bottom, scale * spec.height, size[1])
    return Area(left, top, right, bottom)


def _centred(start: float, end: float, length: float, extent: float) -> tuple[float, float]:
    """Return a stretch of a length around another, moved or shortened to lie within an extent."""
    length = min(length, extent)
    first = min(max(0.0, (start + end - length) / 2), extent - length)
    return first, first + length


def _one_class_each(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Return the boxes by falling score, without those on the place of one of another class."""
    kept: list[Detection] = []
    for each in sorted(found, key=lambda each: -each.score):
        others = (other for other in kept if other.class_name != each.class_name)
        if all(each.area.overlap(other.area) <= _SAME_PLACE for other in others):
            kept.append(each)
    return tuple(kept)


def _contrast(heat: Heat, area: Area) -> float:
    """Return how much hotter a box is than what is around it."""
    across, down = _AROUND * (area.right - area.left), _AROUND * (area.bottom - area.top)
    wider = Area(area.left - across, area.top - down, area.right + across, area.bottom + down)
    inside, both = heat.part(area), heat.part(wider)
    around = (float(both.sum()) - float(inside.sum())) / max(1, both.size - inside.size)
    return float(inside.mean()) - around


def _is_same(one: Area, other: Area) -> bool:
    within = one.shared(other) / min(one.size, other.size)
    return within > _WITHIN or one.overlap(other) > _OVERLAP


def _grids(
    size: tuple[int, int], sides: Sequence[_Side], most: int
) -> Sequence[tuple[_Side, tuple[int, int]]]:
    """Return how many windows of each size lie along a row and a column, `most` of all together.

    They are as near to each other as that allows. Where even windows that don't overlap are too
    many, the smaller ones are left out; at last the largest lie apart.
    """
    for step in _STEPS:
        for count in range(len(sides), 0, -1 if step >= 1 else -len(sides)):
            grids = [
                (side, (_count(size[0], side[0], step), _count(size[1], side[1], step)))
                for side in sides[:count]
            ]
            if sum(math.prod(grid) for _, grid in grids) <= most:
                return grids
    raise AssertionError("a single window is never too many")


def _count(extent: int, side: float, step: float) -> int:
    """Return how many windows lie along one side of the picture."""
    return 1 + math.ceil(round((extent - side) / (side * step), 6))


def _spread(size: tuple[int, int], side: _Side, grid: tuple[int, int]) -> Iterator[Area]:
    starts = [
        np.linspace(0, extent - length, count) if count > 1 else [(extent - length) / 2]
        for extent, length, count in zip(size, side, grid, strict=True)
    ]
    for top, left in itertools.product(starts[1], starts[0]):
        right, bottom = min(left + side[0], size[0]), min(top + side[1], size[1])
        yield Area(max(0.0, float(left)), max(0.0, float(top)), float(right), float(bottom))
