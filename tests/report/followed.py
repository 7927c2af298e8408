"""A picture on its way through a network that was never trained, with everything in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.layer_walk import (
    Filters,
    FinalNumber,
    Kept,
    LayerView,
    LayerWalk,
    Patch,
    UnitMap,
    UnitView,
)
from imgrec.explanation.receptive_field import Reach, ReceptiveField
from imgrec.explanation.stages import Stage
from imgrec.explanation.values import Area, Explanation, Heat, Picture, ViewedRegion
from imgrec.models.litert import Window

SIDE = 24


def followed(name: str = "cat.jpg", *, class_name: str = "cat", layer: str = "conv") -> Explanation:
    """Return the explanation of a picture of noise by `layers`."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    seen = Area(0, 0, SIDE, SIDE)
    return Explanation(
        Picture(name, Image.fromarray(pixels), pixels, seen),
        (Ranked(class_name, 0.9),),
        known=False,
        view=ViewedRegion(seen, (SIDE, SIDE)),
        heat=Heat(np.zeros((1, 1), np.float32), seen),
        walk=_walk(random, class_name, layer),
    )


def _walk(random: np.random.Generator, class_name: str, layer: str) -> LayerWalk:
    maps = tuple(UnitMap(unit, random.random((22, 22), np.float32), 0.9) for unit in range(8))
    pooled = tuple(replace_values(each, each.values[::2, ::2]) for each in maps)
    window = Window((2, 2), (2, 2))
    reach = ReceptiveField(Reach(0, 3, 1), Reach(0, 3, 1))
    shapes = (SIDE, SIDE, 3), (22, 22, 8)
    first = Stage(layer, "convolution", 0, 1, *shapes, (), Window((3, 3), (1, 1)), 2, 224, reach)
    shapes = (22, 22, 8), (11, 11, 8)
    second = Stage("pool", "max pooling", 1, 3, *shapes, (0,), window, reach=reach)
    flat = Stage("flat", "flatten", 3, 4, (11, 11, 8), (968,), (1,))
    dense = Stage("dense", "dense", 4, 5, (968,), (600,), (2,), weights=581_400)
    last = replace(dense, name="answer", before=(600,), shape=(12,), weights=7_212)
    filters = Filters(random.integers(0, 256, (8, 3, 3, 3), np.uint8))
    before = np.arange(16, dtype=np.float32).reshape(4, 4)
    kept = Kept(0, before, before[1::2, 1::2])
    photos = tuple(Patch(f"{class_name}/{n}.jpg", 2.0 - n, filters.pixels[n]) for n in range(3))
    views = (
        LayerView(1, first, maps, filters=filters),
        LayerView(2, second, pooled, same_units=True, kept=kept),
        LayerView(3, flat, vector=random.random(968, np.float32)),
        LayerView(4, dense, vector=random.random(600, np.float32) - np.float32(0.5)),
        LayerView(5, last),
    )
    unit = UnitView(0, 5, Patch("", 3.0, filters.pixels[5]), photos, 96, 2000, "")
    final = tuple(
        FinalNumber(class_name if n == 0 else f"{class_name}-{n}", 3.0 - n, 0.9 / 2**n)
        for n in range(10)
    )
    return LayerWalk(views, 7, unit, final, 12, "softmax")


def replace_values(found: UnitMap, values: np.typing.NDArray[np.float32]) -> UnitMap:
    """Return a unit's map with other values."""
    return UnitMap(found.unit, values, float(values.max()))
