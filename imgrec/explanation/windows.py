"""A detector out of a classifier: it is asked about windows of many sizes, all over a picture.

Non-maximum suppression as Felzenszwalb et al., "Object Detection with Discriminatively Trained
Part-Based Models", 2010; what is kept is moved to the mean of what it suppressed, weighted by score
(Gidaris and Komodakis, "Object detection via a multi-region and semantic segmentation-aware CNN
model", 2015).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, cut
from imgrec.evaluation.abstention import Limits
from imgrec.explanation.unknown import known, largest_window
from imgrec.explanation.values import Area, Found, Heat, Picture
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import Answers
from imgrec.runtime.score import BATCH_SIZE

WINDOWS = 200
"""How many windows of a picture a model is asked about, at most."""

OVERLAP = 0.3
"""Of two boxes of one class with a larger IoU, the one with the lower score is dropped."""

# Sides of the windows over the longest that fits into the picture: each has 0.71 of the area's.
_SCALES = tuple(2 ** (-step / 2) for step in range(5))
_CELLS = 64
_WITHIN = 0.7

# From window to window, in sides of a window.
_STEPS = (*(0.1 * 1.1**power for power in range(25)), 1.0, 2.0, 4.0, math.inf)

_Side = tuple[float, float]


@dataclass(frozen=True)
class Looked:
    """What a model says of each window of a picture, float32 (windows, classes).

    known: bool (windows,), false where the answer is "unknown".
    """

    windows: tuple[Area, ...]
    probabilities: NDArray[np.float32]
    known: NDArray[np.bool_]

    def heat(self, column: int, picture: Picture) -> Heat:
        """Return the mean probability of a class over the windows that cover a place."""
        width, height = picture.image.size
        total, count = (np.full((_CELLS, _CELLS), 1e-9) for _ in range(2))
        scores = np.where(self.known, self.probabilities[:, column], 0)
        for score, area in zip(scores, self.windows, strict=True):
            columns = _cells(area.left, area.right, width)
            rows = _cells(area.top, area.bottom, height)
            total[rows, columns] += score
            count[rows, columns] += 1
        return Heat((total / count).astype(np.float32), picture.whole)


def look(engine: Engine, picture: Picture, limits: Limits, most: int = WINDOWS) -> Looked:
    """Ask the model about at most `most` windows, in batches; `limits` tell what is unknown.

    Raises BadImage for a picture that is smaller than half of what the model takes.
    """
    windows = tuple(places(picture.image.size, engine.spec, most, picture.name))
    batches = [
        engine.answers(np.stack([cut(picture.image, engine.spec, area) for area in batch]))
        for batch in _batches(windows)
    ]
    familiar = [each.familiarity for each in batches if each.familiarity is not None]
    answers = Answers(
        np.concatenate([each.probabilities for each in batches]),
        np.concatenate(familiar) if familiar else None,
    )
    return Looked(windows, answers.probabilities, known(answers, engine.classes, limits))


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


def detections(looked: Looked, classes: Sequence[str], least: float) -> tuple[Found, ...]:
    """Return what is found in a picture: windows that are known, of a probability of `least`.

    What says the same is `suppressed`.
    """
    likely = looked.known[:, np.newaxis] & (looked.probabilities >= least)
    found = [
        Found(classes[column], float(looked.probabilities[row, column]), looked.windows[row])
        for row, column in np.argwhere(likely).tolist()
    ]
    return suppressed(found)


def suppressed(found: Sequence[Found], overlap: float = OVERLAP) -> tuple[Found, ...]:
    """Return what is found without what says the same, by falling score.

    Of two of one class whose IoU is more than `overlap`, or of which one lies within the other, the
    lower score goes; the box of what stays is the mean of those that went and its own, weighted by
    score.
    """
    waiting, kept = sorted(found, key=lambda each: -each.score), []
    while waiting:
        best = waiting[0]
        same = [
            each
            for each in waiting
            if each.class_name == best.class_name and _is_same(each.area, best.area, overlap)
        ]
        kept.append(best._replace(area=_mean(same)))
        waiting = [each for each in waiting if each not in same]
    return tuple(kept)


def _is_same(one: Area, other: Area, overlap: float) -> bool:
    within = one.shared(other) / min(one.size, other.size)
    return within > _WITHIN or one.overlap(other) > overlap


def _mean(found: Sequence[Found]) -> Area:
    weights = [each.score for each in found]
    corners = np.average([each.area for each in found], axis=0, weights=weights)
    return Area(*corners.tolist())


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


def _spread(
    size: tuple[int, int], side: tuple[float, float], grid: tuple[int, int]
) -> Iterator[Area]:
    starts = [
        np.linspace(0, extent - length, count) if count > 1 else [(extent - length) / 2]
        for extent, length, count in zip(size, side, grid, strict=True)
    ]
    for top, left in itertools.product(starts[1], starts[0]):
        right, bottom = min(left + side[0], size[0]), min(top + side[1], size[1])
        yield Area(float(left), float(top), float(right), float(bottom))


def _batches(windows: Sequence[Area]) -> Iterator[Sequence[Area]]:
    for start in range(0, len(windows), BATCH_SIZE):
        yield windows[start : start + BATCH_SIZE]


def _cells(start: float, end: float, extent: int) -> slice:
    """Return the cells whose middle lies between two places along a side."""
    first, last = (math.ceil(_CELLS * place / extent - 0.5) for place in (start, end))
    return slice(first, max(last, first + 1))
