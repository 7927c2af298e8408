"""Which pixels of a picture a number inside a network depends on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from imgrec.explanation.values import Area
from imgrec.models.litert import Window


@dataclass(frozen=True)
class Reach:
    """Along one side of a picture, the pixels that each number of a map depends on.

    Number `i` depends on `size` pixels from `start + i * step` on, some perhaps beyond the picture.
    """

    start: float = 0.0
    size: float = 1.0
    step: float = 1.0

    def through(self, size: int, stride: int, dilation: int, before: int) -> Reach:
        """Return the reach after a window; before: how many zeros are added in front of a map."""
        more = (size - 1) * dilation * self.step
        return Reach(self.start - before * self.step, self.size + more, self.step * stride)

    def inner(self, side: int, count: int) -> slice:
        """Return which of `count` numbers depend on nothing beyond a side; all if none does."""
        first = max(0, math.ceil(-self.start / self.step))
        end = min(count, math.floor((side - self.size - self.start) / self.step) + 1)
        return slice(first, end) if first < end else slice(0, count)

    def joined(self, other: Reach) -> Reach:
        """Return what reaches as far as either of both."""
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Reach(start, end - start, max(self.step, other.step))


@dataclass(frozen=True)
class ReceptiveField:
    """The part of a picture that each number of a map depends on."""

    down: Reach = Reach()
    across: Reach = Reach()

    @property
    def size(self) -> tuple[int, int]:
        """The (height, width) of the part, in pixels."""
        return round(self.down.size), round(self.across.size)

    def covers(self, size: tuple[int, int]) -> bool:
        """Return whether the part is at least as large as a picture of (height, width)."""
        return self.size[0] >= size[0] and self.size[1] >= size[1]

    def area(self, row: int, column: int) -> Area:
        """Return the part of the picture on which the number at a place depends."""
        top = self.down.start + row * self.down.step
        left = self.across.start + column * self.across.step
        return Area(left, top, left + self.across.size, top + self.down.size)

    def through(
        self, window: Window, entering: tuple[int, int], leaving: tuple[int, int]
    ) -> ReceptiveField:
        """Return the field after a window.

        Args:
            window: The window.
            entering: (rows, columns) of the map that it moves over.
            leaving: (rows, columns) of the map that it makes.
        """
        down, across = (
            reach.through(
                window.size[axis],
                window.stride[axis],
                window.dilation[axis],
                _before(window, axis, entering[axis], leaving[axis]),
            )
            for axis, reach in enumerate((self.down, self.across))
        )
        return ReceptiveField(down, across)

    def padded(self, above: int, left: int) -> ReceptiveField:
        """Return the field after rows are added above a map, and columns left of it."""
        return ReceptiveField(self.down.through(1, 1, 1, above), self.across.through(1, 1, 1, left))


def joined(fields: Iterable[ReceptiveField]) -> ReceptiveField:
    """Return the field of a map that is computed from several maps, place by place."""
    return reduce(
        lambda one, other: ReceptiveField(
            one.down.joined(other.down), one.across.joined(other.across)
        ),
        fields,
    )


def _before(window: Window, axis: int, entering: int, leaving: int) -> int:
    """Return how many zeros are added in front of a map, as TensorFlow does with `same`."""
    if not window.padded:
        return 0
    reach = (window.size[axis] - 1) * window.dilation[axis] + 1
    return max(0, (leaving - 1) * window.stride[axis] + reach - entering) // 2
