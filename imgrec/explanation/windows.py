"""A detector out of a classifier: it is asked about windows of many sizes, all over a picture.

A place is as hot for a class as the windows around it are probable, near ones before wide ones. The
boxes around what is hotter than each of several levels are the candidates; they count by how much
hotter they are than what is around them, and of those that say the same one stays: non-maximum
suppression, as in Felzenszwalb et al., "Object Detection with Discriminatively Trained Part-Based
Models", 2010. The windows themselves would not do as candidates: a classifier is as sure of a part
of a thing as of the whole.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, crop_region
from imgrec.errors import BadImage
from imgrec.explanation.regions import regions
from imgrec.explanation.values import Area, Detection, Heat, Picture, cells
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import ModelOutput
from imgrec.runtime.score import BATCH_SIZE
from imgrec.scores import Decision

WINDOWS = 200
"""How many windows of a picture a model is asked about, at most."""

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

_Side = tuple[float, float]


@dataclass(frozen=True)
class ScoredWindows:
    """What a model says of each window of a picture, float32 (windows, classes).

    named: bool (windows, classes), which classes each is said to have; none where the answer is
    "unknown".
    """

    picture: Picture
    windows: tuple[Area, ...]
    probabilities: NDArray[np.float32]
    named: NDArray[np.bool_]

    def scores(self, column: int) -> NDArray[np.float32]:
        """Return the probability of a class in each window, float32 (windows,); 0 if unknown."""
        known = self.named.any(axis=1)
        return np.where(known, self.probabilities[:, column], 0).astype(np.float32)

    def best(self, column: int, *, asked: bool) -> float:
        """Return the highest score of a class; unless it was asked for, where it is the answer."""
        scores = self.scores(column)
        return float(scores.max() if asked else scores[self.named[:, column]].max())

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
    """Ask the model about at most `most` windows, in batches; `decision` says which are unknown.

    Raises BadImage for a picture that is smaller than half of what the model takes.
    """
    windows = tuple(places(picture.image.size, engine.spec, most, picture.name))
    batches = [
        engine.answers(np.stack([crop_region(picture.image, engine.spec, area) for area in batch]))
        for batch in _batches(windows)
    ]
    familiar = [each.ood_similarity for each in batches if each.ood_similarity is not None]
    answers = ModelOutput(
        np.concatenate([each.probabilities for each in batches]),
        np.concatenate(familiar) if familiar else None,
    )
    named = decision.decide(answers.probabilities, answers.ood_similarity)
    return ScoredWindows(picture, windows, answers.probabilities, named)


def detections(
    looked: ScoredWindows, classes: Sequence[str], decision: Decision, wanted: int | None = None
) -> tuple[Detection, ...]:
    """Return what is found in a picture, by falling score: that of the hottest place in the box.

    Looked for are the classes that some window is said to have, with the probability it takes; or
    the one in the column `wanted`, wherever a window gives it that probability.
    """
    answered = np.flatnonzero(looked.named.any(axis=0)).tolist()
    found = [
        each
        for column in (answered if wanted is None else [wanted])
        if looked.best(column, asked=wanted is not None) >= decision.threshold(column)
        for each in _things(looked.heat(column), classes[column], looked.picture.image.size)
    ]
    return tuple(sorted(found, key=lambda each: -each.score))


def suppressed(candidates: Sequence[Detection]) -> list[Detection]:
    """Return the candidates of one class without those that say the same, by falling score.

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

    size: (width, height) of the picture. Windows of a size are evenly spread; how near to each
    other hangs on `most`. None is smaller than half of what the model takes, which would enlarge
    it more than twofold.
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
    """Return how many times as large as the model's input the largest window of a picture is.

    size: (width, height) of the picture. Raises BadImage where it is less than half: to enlarge
    that more than twofold shows nothing.
    """
    largest = min(size[0] / spec.width, size[1] / spec.height)
    if largest < 1 / 2:
        least = f"{-(-spec.width // 2)}x{-(-spec.height // 2)}"
        reason = f"{size[0]}x{size[1]} pixels, smaller than the smallest window ({least})"
        raise BadImage(name, reason)
    return largest


def _things(heat: Heat, name: str, size: tuple[int, int]) -> list[Detection]:
    """Return the boxes of a class, each with the heat of its hottest place; none without heat."""
    hottest = float(heat.values.max())
    if hottest <= 0:
        return []
    candidates = [
        Detection(name, _contrast(heat, area), area)
        for level in _LEVELS
        for area in regions(heat, size, level * hottest)
    ]
    return [
        each._replace(score=float(heat.part(each.area).max())) for each in suppressed(candidates)
    ]


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


def _batches(windows: Sequence[Area]) -> Iterator[Sequence[Area]]:
    for start in range(0, len(windows), BATCH_SIZE):
        yield windows[start : start + BATCH_SIZE]
