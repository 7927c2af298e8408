"""The parts of pictures that excite the units of a layer most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.explanation.layer_walk import Patch
from imgrec.explanation.stages import Stage

_BEYOND = 128


@dataclass(frozen=True)
class OwnPhotos:
    """Images that a model was trained on.

    Args:
        names: Their names.
        pixels: What the model takes of each, uint8 (photos, height, width, channels).
        total: How many the model was trained on; 0 if that is not known.
        missing: Why there are none; empty if there are some.
    """

    names: tuple[str, ...]
    pixels: NDArray[np.uint8]
    total: int
    missing: str = ""


class Peaks(NamedTuple):
    """The largest number of each unit's map, its place, and the mean of the map, all (units,)."""

    values: NDArray[np.float32]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    means: NDArray[np.float32]

    def patch(self, unit: int, stage: Stage, pixels: NDArray[np.uint8], name: str = "") -> Patch:
        """Return the part of a picture, uint8 (height, width, channels), on which one depends."""
        part = _part(stage, int(self.rows[unit]), int(self.columns[unit]), pixels)
        return Patch(name, float(self.values[unit]), part)


def peaks(stage: Stage, maps: NDArray[np.float32], size: tuple[int, int]) -> Peaks:
    """Return the peaks of a layer's maps; those that see something beyond the picture don't count.

    Args:
        stage: The layer.
        maps: What it makes of a picture, float32 (rows, columns, units), or (units,).
        size: (height, width) of the picture.
    """
    maps = maps.reshape(1, 1, -1) if maps.ndim == 1 else maps
    rows, columns = slice(0, maps.shape[0]), slice(0, maps.shape[1])
    if stage.reach is not None:
        rows = stage.reach.down.inner(size[0], maps.shape[0])
        columns = stage.reach.across.inner(size[1], maps.shape[1])
    inner = maps[rows, columns]
    flat = inner.reshape(-1, inner.shape[-1])
    places = flat.argmax(axis=0)
    width = inner.shape[1]
    return Peaks(
        flat.max(axis=0),
        rows.start + places // width,
        columns.start + places % width,
        flat.mean(axis=0),
    )


def patches(
    unit: int, stage: Stage, photos: OwnPhotos, found: Sequence[Peaks], most: int
) -> Iterator[Patch]:
    """Yield the patches that excite a unit most, one from each photo, the strongest first.

    Of photos with the same largest number, those with the larger mean of the map come first.

    Args:
        unit: The unit.
        stage: Its layer.
        photos: The photos.
        found: The peaks in each.
        most: The largest number of patches.
    """
    order = sorted(
        range(len(found)), key=lambda photo: (-found[photo].values[unit], -found[photo].means[unit])
    )
    for photo in order[:most]:
        if found[photo].values[unit] > 0:
            yield found[photo].patch(unit, stage, photos.pixels[photo], photos.names[photo])


def _part(stage: Stage, row: int, column: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    if stage.reach is None or stage.reach.covers((height, width)):
        return pixels
    left, top, right, bottom = map(round, stage.reach.area(row, column))
    part = np.full((bottom - top, right - left, pixels.shape[2]), _BEYOND, np.uint8)
    inside = pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    down, across = max(-top, 0), max(-left, 0)
    part[down : down + inside.shape[0], across : across + inside.shape[1]] = inside
    return part
