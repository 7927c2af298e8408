"""Tests of the drawn shapes."""

from __future__ import annotations

import numpy as np
import pytest

from imgrec.data.sources import DataLocation, read
from imgrec.data.sources.loaders.shapes import read_shapes


def test_the_classes_take_turns() -> None:
    """Circles, squares and triangles are equally many, give or take one."""
    dataset = read_shapes(10, (8, 8), 0)
    assert dataset.classes == ("circle", "square", "triangle")
    assert [record.label for record in dataset.records] == [0, 1, 2] * 3 + [0]
    assert dataset.records[1].name == "shapes/00001"


@pytest.mark.parametrize("size", [(8, 8), (5, 20), (1, 1), (64, 32)])
def test_drawings_have_the_size(size: tuple[int, int]) -> None:
    """Height comes first, then width; colour always."""
    for record in read_shapes(3, size, 0).records:
        pixels = np.asarray(record.source)
        assert pixels.shape == (*size, 3)
        assert pixels.dtype == np.uint8


def test_a_drawing_depends_on_seed_and_index_alone() -> None:
    """The same seed draws the same; more images leave the first ones as they are."""
    few, more, other = (
        np.stack([np.asarray(record.source) for record in read_shapes(*asked).records[:6]])
        for asked in ((6, (16, 16), 1), (9, (16, 16), 1), (6, (16, 16), 2))
    )
    assert np.array_equal(few, more)
    assert (few != other).any((1, 2, 3)).all()


def test_shapes_stand_out_and_differ_in_area() -> None:
    """Two colours each; of its circle a square fills 64 %, a triangle 41 %."""
    areas: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for record in read_shapes(60, (64, 64), 0).records:
        pixels = np.asarray(record.source).reshape(-1, 3)
        colours, counts = np.unique(pixels, axis=0, return_counts=True)
        assert len(colours) == 2
        assert np.ptp(colours.astype(int).mean(1)) > 60
        areas[record.labels[0]].append(counts[(colours != pixels[0]).any(1)][0] / len(pixels))
    circle, square, triangle = (np.mean(areas[label]) for label in range(3))
    assert circle > square > triangle > 0.03


def test_as_many_are_drawn_as_asked() -> None:
    """data.images says how many, 300 by default, in the size of the config."""
    splits = read(DataLocation.model_validate({"loader": "shapes", "images": 30}), 0, (8, 6))
    assert len(splits.train) == 24
    assert np.asarray(splits.train[0].source).shape == (8, 6, 3)
    assert len(read(DataLocation(loader="shapes"), 0, (8, 8)).validation) == 60
