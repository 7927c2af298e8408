"""What an explanation is: a heat map, its hot regions and what was found there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.evaluation.prediction import Ranked

if TYPE_CHECKING:
    from imgrec.explanation.layer_walk import LayerSummary, LayerWalk


class Area(NamedTuple):
    """A rectangle, in pixels of the picture; it may reach beyond it."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def size(self) -> float:
        """Width times height, 0 if there is nothing."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def overlap(self, other: Area) -> float:
        """Return the intersection over union (IoU) with another area, 0 to 1."""
        shared = self.shared(other)
        return shared / (self.size + other.size - shared) if shared else 0.0

    def shared(self, other: Area) -> float:
        """Return the size of what both areas cover."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return Area(left, top, min(self.right, other.right), min(self.bottom, other.bottom)).size


class Detection(NamedTuple):
    """Something found: its class, where it is, and a score, 0 to 1."""

    class_name: str
    score: float
    area: Area


@dataclass(frozen=True)
class Heat:
    """How much each place supports a class.

    Args:
        values: float32 (rows, columns), 0 to 1.
        area: The part of the picture that they evenly cover; the rest is unknown.
    """

    values: NDArray[np.float32]
    area: Area

    def part(self, area: Area) -> NDArray[np.float32]:
        """Return the values, float32 (rows, columns), of the cells that an area covers."""
        return self.values[cells(area, self.area, self.values.shape)]

    def over(self, size: tuple[int, int], shown: tuple[int, int]) -> NDArray[np.float32]:
        """Return the values, float32 (height, width), at each pixel of a picture.

        size: (width, height) of the picture; shown: the size that it is shown in. Between the
        middles of two cells it is bilinear; 0 beyond `area`.
        """
        image = Image.fromarray(self.values.astype(np.float32))
        return _placed(image, self.area, size, shown, Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Segments:
    """The classes that each place of a picture shows.

    Args:
        probabilities: float32 (rows, columns, classes).
        named: The predicted classes of each place, bool of the same shape; none where the answer
            is "unknown".
        area: As in Heat.
    """

    probabilities: NDArray[np.float32]
    named: NDArray[np.bool_]
    area: Area

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where the answer is not "unknown", bool (rows, columns)."""
        return np.asarray(self.named.any(axis=-1))

    @property
    def covered(self) -> ViewedRegion:
        """The part of the picture, and the (columns, rows) that cover it."""
        rows, columns = self.named.shape[:2]
        return ViewedRegion(self.area, (columns, rows))

    @property
    def columns(self) -> list[int]:
        """The columns of the classes that are predicted at some place."""
        return [int(each) for each in np.flatnonzero(self.named.any(axis=(0, 1)))]

    @property
    def answers(self) -> NDArray[np.int32]:
        """The column of the most probable predicted class; -1 where there is none."""
        best = np.where(self.named, self.probabilities, -1).argmax(axis=-1)
        return np.where(self.known, best, -1).astype(np.int32)

    def over(self, size: tuple[int, int], shown: tuple[int, int]) -> NDArray[np.int64]:
        """Return the `answers`, int64 (height, width), at each pixel of a picture, as Heat does."""
        image = Image.fromarray((self.answers + 1).astype(np.float32))
        placed = _placed(image, self.area, size, shown, Image.Resampling.NEAREST)
        return placed.astype(np.int64) - 1

    def pixels(self, size: tuple[int, int]) -> NDArray[np.int64]:
        """Return how many pixels of a picture each place covers, int64 (rows, columns).

        size: (width, height) of the picture.
        """
        shape = self.known.shape
        numbers = np.arange(1, self.known.size + 1, dtype=np.float32).reshape(shape)
        image = Image.fromarray(numbers)
        placed = _placed(image, self.area, size, size, Image.Resampling.NEAREST)
        counts = np.bincount(placed.astype(np.int64).ravel(), minlength=self.known.size + 1)
        return counts[1:].reshape(shape)

    def heat(self, column: int) -> Heat:
        """Return the probability of one class, 0 where the answer is "unknown"."""
        values = np.where(self.known, self.probabilities[..., column], 0)
        return Heat(values.astype(np.float32), self.area)


@dataclass(frozen=True)
class Picture:
    """A picture that is explained.

    Args:
        name: The photo's name.
        image: All of it, upright, in grey or colour as the model takes it.
        pixels: The input of the model, uint8 (height, width, channels).
        seen: The part of the image that `pixels` shows.
    """

    name: str
    image: Image.Image
    pixels: NDArray[np.uint8]
    seen: Area

    @property
    def whole(self) -> Area:
        """All of the picture."""
        return Area(0, 0, *self.image.size)


class ViewedRegion(NamedTuple):
    """The part of a picture that a network was shown.

    Args:
        area: The part.
        size: (width, height) in pixels to which it was resized; None for parts of many sizes.
    """

    area: Area
    size: tuple[int, int] | None


@dataclass(frozen=True)
class Explanation:
    """Where in a picture a class is.

    Args:
        picture: The picture.
        named: The explained class with the probability that `predict` gives it. If a picture may
            have several labels, the other predicted classes follow.
        known: Whether the answer is not "unknown".
        view: The part of the picture that the method looked at.
        heat: How much each place supports the explained class.
        found: The boxes, by falling score.
        segments: The classes that each place shows; only for `dense`.
        shares: The share of the picture that shows each class, 0 to 1, largest first; only for
            `dense`.
        windows: The windows, each with the probability of the explained class, 0 where the answer
            is "unknown"; only for `windows`.
        walk: The picture on its way through the network; only for `layers`.
    """

    picture: Picture
    named: tuple[Ranked, ...]
    known: bool
    view: ViewedRegion
    heat: Heat
    found: tuple[Detection, ...] = ()
    segments: Segments | None = None
    shares: Mapping[str, float] | None = None
    windows: tuple[Detection, ...] = ()
    walk: LayerWalk | None = None

    @property
    def class_name(self) -> str:
        """The class that is explained."""
        return self.named[0].class_name

    @property
    def probability(self) -> float:
        """The probability of that class."""
        return self.named[0].probability


@dataclass(frozen=True)
class ExplainedPhoto:
    """What is kept of the explanation of a photo, or why there is none (`error`).

    named, known, view, found: as in Explanation; empty if there is an error.
    size: (width, height) of the upright photo in pixels. shares: of the photo that shows each
    class, 0 to 1, with a method that measures them. layers: with `layers`, those shown. files:
    what was written, by what it shows. class_map: (columns, rows) of the classes that each place
    shows, and the part of the photo that they evenly cover, perhaps beyond it; only for `dense`.
    """

    name: str
    error: str | None = None
    named: tuple[Ranked, ...] = ()
    known: bool = False
    view: ViewedRegion | None = None
    size: tuple[int, int] | None = None
    found: tuple[Detection, ...] = ()
    shares: Mapping[str, float] | None = None
    layers: tuple[LayerSummary, ...] | None = None
    class_map: ViewedRegion | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class ExplanationQuery:
    """The model that is explained, the method, and the model's classes that each name merges."""

    model: str
    method: str
    merged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def cells(area: Area, covered: Area, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns that an area covers of a map, at least one each.

    covered: what the map covers; shape: its rows and columns.
    """
    across, down = covered.right - covered.left, covered.bottom - covered.top
    top, bottom = (area.top - covered.top) / down, (area.bottom - covered.top) / down
    left, right = (area.left - covered.left) / across, (area.right - covered.left) / across
    return _between(top, bottom, shape[0]), _between(left, right, shape[1])


def _between(start: float, end: float, count: int) -> slice:
    """Return which of the cells along a side lie between two places, given as shares of it."""
    first = min(max(0, round(start * count)), count - 1)
    return slice(first, max(round(end * count), first + 1))


def _placed(
    cells: Image.Image,
    area: Area,
    size: tuple[int, int],
    shown: tuple[int, int],
    method: Literal[Image.Resampling.NEAREST, Image.Resampling.BILINEAR],
) -> NDArray[np.float32]:
    """Return cells over an area of a picture of `size` at each pixel of one of the size `shown`."""
    across = cells.width / (area.right - area.left)
    down = cells.height / (area.bottom - area.top)
    affine = (
        *(across * size[0] / shown[0], 0.0, -across * area.left),
        *(0.0, down * size[1] / shown[1], -down * area.top),
    )
    placed = cells.transform(shown, Image.Transform.AFFINE, affine, method, fillcolor=0)
    return np.asarray(placed, np.float32)


# Of the values that are looked at along the picture's longer side.
_SIDE = 256

_SMALLEST = 0.005


def regions(
    heat: Heat, size: tuple[int, int], level: float, smallest: float = _SMALLEST
) -> tuple[Area, ...]:
    """Return a box around each connected region of at least `level`, the largest first.

    Zhou et al., "Learning Deep Features for Discriminative Localization", 2016.

    Args:
        heat: The heat map.
        size: (width, height) of the picture.
        level: The lowest heat of a region.
        smallest: The smallest share of the picture that a region covers.
    """
    scale = _SIDE / max(size)
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    hot = heat.over(size, small) >= level
    found = sorted(_connected(hot), key=lambda each: -each[0])
    across, down = size[0] / small[0], size[1] / small[1]
    return tuple(
        Area(left * across, top * down, right * across, bottom * down)
        for share, (left, top, right, bottom) in found
        if share >= smallest
    )


def _connected(hot: NDArray[np.bool_]) -> Iterator[tuple[float, Area]]:
    """Yield the share of each connected region, and the box around it, in cells.

    The regions come in the order of their first cells, row by row.
    """
    edges = np.diff(hot.astype(np.int8), prepend=0, append=0)
    (rows, starts), (_, ends) = np.nonzero(edges > 0), np.nonzero(edges < 0)
    runs = [*zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True)]
    earlier = [*range(len(runs))]  # of each run, another of its region; the first has itself

    def first(run: int) -> int:
        while run != earlier[run]:
            run = earlier[run]
        return run

    above = 0
    for run, (row, start, end) in enumerate(runs):
        while (runs[above][0], runs[above][2]) <= (row - 1, start):
            above += 1
        beside = above
        while runs[beside][0] == row - 1 and runs[beside][1] < end:
            one, other = sorted((first(beside), first(run)))
            earlier[other] = one
            beside += 1
    joined: dict[int, list[tuple[int, int, int]]] = {}
    for run, each in enumerate(runs):
        joined.setdefault(first(run), []).append(each)
    for region in joined.values():
        down, left, right = zip(*region, strict=True)
        box = Area(min(left), down[0], max(right), down[-1] + 1)
        yield (sum(right) - sum(left)) / hot.size, box
