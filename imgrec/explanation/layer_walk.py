"""A picture on its way through a network, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.explanation.stages import Stage


class UnitMap(NamedTuple):
    """What a unit of a layer finds in a picture.

    values: float32 (rows, columns). largest: of those that see nothing beyond the picture, or of
    all if there are none.
    """

    unit: int
    values: NDArray[np.float32]
    largest: float


class Kept(NamedTuple):
    """Some neighbouring numbers of a unit's map before a max pooling, and what it keeps of them.

    before, after: float32 (rows, columns).
    """

    unit: int
    before: NDArray[np.float32]
    after: NDArray[np.float32]

    @property
    def window(self) -> tuple[int, int]:
        """The (height, width) of the window."""
        high, wide = (
            before // after
            for before, after in zip(self.before.shape, self.after.shape, strict=True)
        )
        return high, wide

    @property
    def rows(self) -> list[list[tuple[float, bool]]]:
        """The rows of `before`: each number, and whether it is kept, one in each window."""
        (high, wide), (rows, columns) = self.window, self.after.shape
        kept = np.zeros(self.before.shape, bool)
        for row, column in np.ndindex(rows, columns):
            part = slice(row * high, (row + 1) * high), slice(column * wide, (column + 1) * wide)
            kept[part].flat[self.before[part].argmax()] = True
        return [
            [*zip(numbers, marks, strict=True)]
            for numbers, marks in zip(self.before.tolist(), kept.tolist(), strict=True)
        ]


@dataclass(frozen=True)
class Filters:
    """The weights of a layer that looks at a picture's own pixels, as small pictures.

    pixels: uint8 (filters, height, width, channels); a weight of 0 is the middle of the range, and
    the largest of each filter, of either sign, an end of it.
    """

    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class LayerView:
    """A layer, and what it makes of a picture.

    Args:
        number: Its place in the network, from 1.
        stage: The layer.
        maps: Of its units that are strongest in the picture, by falling strength.
        same_units: Whether they are those shown of the layer before it, as for a pooling.
        vector: Its numbers, float32 (units,), if it gives no maps; None for the last layer, whose
            numbers are in `LayerWalk.final`.
        filters: Of the first layer, if it looks at the picture's own pixels.
        kept: Of a max pooling.
    """

    number: int
    stage: Stage
    maps: tuple[UnitMap, ...] = ()
    same_units: bool = False
    vector: NDArray[np.float32] | None = None
    filters: Filters | None = None
    kept: Kept | None = None


class LayerSummary(NamedTuple):
    """A layer, and the units whose maps are shown: number and largest number of each."""

    stage: Stage
    units: tuple[tuple[int, float], ...]


class Patch(NamedTuple):
    """The part of a photo that excites a unit most.

    value: the unit's number there. pixels: uint8 (height, width, channels), grey beyond the photo,
    where there is such a part only if the unit always sees more than the photo.
    """

    photo: str
    value: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class UnitView:
    """A unit of a layer, and the patches of photos that excite it most.

    Args:
        layer: The position of its layer in `LayerWalk.views`.
        unit: Its number.
        own: The part of the picture that is explained that excites it most.
        patches: At most one of each photo, the strongest first.
        photos: How many photos were looked at, of how many: OwnPhotos.total.
        missing: Why no photos were; empty if there were some.
    """

    layer: int
    unit: int
    own: Patch
    patches: tuple[Patch, ...]
    photos: int
    total: int
    missing: str


class FinalNumber(NamedTuple):
    """The probability of a class, and the number from which it is computed, if it has one."""

    class_name: str
    number: float | None
    probability: float


@dataclass(frozen=True)
class LayerWalk:
    """A picture on its way through a network.

    Args:
        views: The layers.
        layers: How many the network has.
        unit: A unit of one of them; None of a network without layers.
        final: The most probable classes, falling.
        classes: How many there are.
        activation: What makes the probabilities: `softmax`, `sigmoid`; None if that is not known.
    """

    views: tuple[LayerView, ...]
    layers: int
    unit: UnitView | None
    final: tuple[FinalNumber, ...]
    classes: int
    activation: str | None

    @property
    def summary(self) -> tuple[LayerSummary, ...]:
        """What can be kept of many pictures: no maps."""
        return tuple(
            LayerSummary(view.stage, tuple((each.unit, each.largest) for each in view.maps))
            for view in self.views
        )
