"""Circles, squares and triangles, drawn from the seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from imgrec.data.classes import NamedLabel, labelled
from imgrec.data.loader import Loader, Request
from imgrec.data.records import ALL_SPLITS, Dataset, RecordsBySplit
from imgrec.sections.section import Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_IMAGES = 300
_SIZE = (64, 64)
_KINDS = ("circle", "square", "triangle")
_CORNERS = {"square": 4, "triangle": 3}


def read_shapes(images: int, size: tuple[int, int], seed: int) -> Dataset:
    """Return `images` drawings, uint8 (height, width, 3), the three classes in turns.

    size: (height, width) in pixels. A drawing is a function of the seed, its index and the
    size. All of them are held in memory.
    """
    import numpy as np

    width = max(5, len(str(images - 1)))
    return labelled(
        NamedLabel(
            f"shapes/{index:0{width}d}",
            (_KINDS[index % len(_KINDS)],),
            _drawn(_KINDS[index % len(_KINDS)], size, np.random.default_rng([seed, index])),
        )
        for index in range(images)
    )


def _drawn(kind: str, size: tuple[int, int], random: np.random.Generator) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image, ImageDraw

    height, width = size
    background, colour = _colours(random)
    image = Image.new("RGB", (width, height), background)
    radius = min(size) * random.uniform(0.2, 0.4)
    x, y = (random.uniform(radius, side - radius) for side in (width, height))
    draw = ImageDraw.Draw(image)
    if kind == "circle":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    else:
        turn = random.uniform(0, 2 * math.pi)
        draw.polygon(_corners(x, y, radius, _CORNERS[kind], turn), fill=colour)
    return np.asarray(image)


def _colours(random: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return a dark colour and a light one, in either order."""
    dark, light = random.integers(0, 96, 3), random.integers(160, 256, 3)
    pair = (dark, light) if random.random() < 0.5 else (light, dark)
    return tuple(map(int, pair[0])), tuple(map(int, pair[1]))


def _corners(
    x: float, y: float, radius: float, count: int, turn: float
) -> list[tuple[float, float]]:
    angles = [turn + 2 * math.pi * corner / count for corner in range(count)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


class ShapesOptions(Section):
    """The keys of loader `shapes`."""

    images: PositiveInt | None = Field(
        default=None, description=f"For `shapes`: how many are drawn; by default, {_IMAGES}."
    )


def _read(request: Request[ShapesOptions]) -> RecordsBySplit:
    images, size = request.options.images or _IMAGES, request.image_size or _SIZE
    return {ALL_SPLITS: read_shapes(images, size, request.seed)}


LOADER = Loader(
    "shapes",
    "circles, squares and triangles, drawn at `image_size`",
    ShapesOptions,
    _read,
    datasets=(),
)
