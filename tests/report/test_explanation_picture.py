"""What an explanation looks like."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.dense import shares
from imgrec.explanation.values import (
    Area,
    Detection,
    Explanation,
    Heat,
    Picture,
    Segments,
    ViewedRegion,
)
from imgrec.report.pictures import boxes_picture, grid_picture, segments_picture

ALL = Area(0, 0, 400, 400)


def explanation() -> Explanation:
    """Return that of a white picture, in which nothing is found."""
    image = Image.new("RGB", (400, 400), "white")
    return Explanation(
        Picture("made", image, np.zeros((8, 8, 3), np.uint8), ALL),
        (Ranked("cat", 0.9),),
        known=True,
        view=ViewedRegion(ALL, (8, 8)),
        heat=Heat(np.zeros((1, 1), np.float32), ALL),
    )


def drawn(*, known: bool) -> Image.Image:
    """Return the segments of a white picture: half of it a cat, the other one too, or unknown."""
    probabilities = np.array([[[0.9, 0.1], [0.8, 0.2]]], np.float32)
    named = np.array([[[True, False], [known, False]]])
    segments = Segments(probabilities, named, ALL)
    measured = shares(segments, ("cat", "dog"), (400, 400))
    found = replace(explanation(), segments=segments, shares=measured)
    return Image.open(io.BytesIO(segments_picture(found, ("cat", "dog"))))


def test_the_legend_explains_grey() -> None:
    """A line for each class that is there, and one where places are unknown."""
    whole, half = drawn(known=True), drawn(known=False)
    line = half.height - whole.height
    assert line == (whole.height - 400 - 8) > 0
    patch = np.asarray(half.crop((10, whole.height, 20, half.height)))
    assert (patch == 0x95).all(axis=-1).any()
    assert not (np.asarray(whole.crop((0, 400, 20, whole.height))) == 0x95).all(axis=-1).any()


def test_a_class_has_one_colour() -> None:
    """That of its segments is that of its boxes, though the other class is found first."""
    boxes = (
        Detection("dog", 0.9, Area(200, 0, 400, 400)),
        Detection("cat", 0.8, Area(0, 0, 200, 400)),
    )
    shares = {"cat": 0.5, "dog": 0.4}
    found = replace(explanation(), found=boxes, shares=shares)
    pixels = np.asarray(Image.open(io.BytesIO(boxes_picture(found))))
    assert pixels[300, 1].tolist() == [230, 159, 0]
    assert pixels[300, 398].tolist() == [86, 180, 233]


def test_labels_at_the_lower_edge_can_all_be_read() -> None:
    """They go up where there is no room below."""
    low = Area(0, 370, 399, 399)
    boxes = tuple(Detection(name, 0.9, low) for name in ("cat", "dog", "bird"))
    found = replace(explanation(), found=boxes)
    pixels = np.asarray(Image.open(io.BytesIO(boxes_picture(found))))[300:398, 10:20]
    colours = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()} - {(255, 255, 255)}
    assert {(230, 159, 0), (86, 180, 233), (0, 158, 115)} <= colours


def test_labels_of_boxes_on_one_place_can_all_be_read() -> None:
    """Each has its own line: both colours are there, as a patch of text's height."""
    boxes = tuple(Detection(name, 0.9, ALL) for name in ("cat", "dog", "bird"))
    found = replace(explanation(), found=boxes)
    pixels = np.asarray(Image.open(io.BytesIO(boxes_picture(found))))[10:380, 10:20]
    colours = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()} - {(255, 255, 255)}
    assert {(230, 159, 0), (86, 180, 233), (0, 158, 115)} <= colours


def test_windows_have_a_picture_for_each_of_their_sizes() -> None:
    """Each in the colour of its probability, the most probable on top."""
    large = Detection("cat", 0.2, ALL)
    small = [Detection("cat", score, Area(0, 0, 100, 100)) for score in (1.0, 0.0)]
    one = Image.open(io.BytesIO(grid_picture(replace(explanation(), windows=(large,)))))
    both = Image.open(io.BytesIO(grid_picture(replace(explanation(), windows=(large, *small)))))
    assert (one.width, both.width, one.height) == (400, 808, both.height)
    pixels = np.asarray(both)
    assert pixels[99, 408 + 50].tolist() == [252, 253, 191]
    assert pixels[0, 50].tolist() not in ([252, 253, 191], [20, 11, 82])
