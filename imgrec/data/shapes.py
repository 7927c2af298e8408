"""Circles, squares and triangles, drawn on the spot: for smoke tests and demos."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from imgrec.data.classes import Named, labelled
from imgrec.data.records import Dataset

_KINDS = ("circle", "square", "triangle")
_CORNERS = {"square": 4, "triangle": 3}


def read_shapes(images: int, size: tuple[int, int], seed: int) -> Dataset:
    """Return `images` drawings, uint8 (height, width, 3), the three classes in turns.

    size: (height, width) in pixels. A drawing is a function of the seed, its index and the
    size. All of them are held in memory.
    """
    width = max(5, len(str(images - 1)))
    return labelled(
        Named(
            f"shapes/{index:0{width}d}",
            (_KINDS[index % len(_KINDS)],),
            _drawn(_KINDS[index % len(_KINDS)], size, np.random.default_rng([seed, index])),
        )
        for index in range(images)
    )


def _drawn(kind: str, size: tuple[int, int], random: np.random.Generator) -> NDArray[np.uint8]:
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
