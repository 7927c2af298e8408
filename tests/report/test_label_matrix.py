"""The four counts of every class, where an image may have several, as one picture."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.report.charts import DARK, LIGHT, confusion
from imgrec.report.charts.plots import label_matrix
from imgrec.report.charts.style import PlotStyle
from tests.evaluation.made import label_sets, population_of_sets


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Return a picture as an array of shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def area(png: bytes, colour: str) -> int:
    """Return how many pixels of the picture have exactly this colour."""
    return int((pixels(png) == ImageColor.getrgb(colour)).all(axis=2).sum())


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_right_answers_are_full_and_wrong_ones_empty(look: PlotStyle) -> None:
    """Of a class that is always right two of four cells are full; of its reverse the other two."""
    truth = [[1, 0], [0, 1], [1, 1], [0, 0]]
    right = label_matrix(evaluate_scores(label_sets(truth, truth)), look=look)
    wrong = label_matrix(evaluate_scores(label_sets(truth, 1 - np.array(truth))), look=look)
    full = area(right, look.scale[-1])
    assert full > 10_000
    assert area(wrong, look.scale[-1]) == pytest.approx(full, rel=0.05)
    assert right != wrong
    # Found, the first column, is full where all is right, and missed, the second, where nothing is.
    left = [first_column(each, look.scale[-1]) for each in (right, wrong)]
    assert left[0] < left[1]
    assert tuple(pixels(right)[0, 0]) == ImageColor.getrgb(look.paper)


def test_a_class_that_no_image_has_is_drawn_like_paper() -> None:
    """It has no share to colour by, and one cell less of either kind."""
    found = evaluate_scores(label_sets([[1, 0], [1, 0]], [[1, 0], [1, 0]]))
    assert area(label_matrix(found, look=LIGHT), LIGHT.scale[-1]) > 1000


@pytest.mark.long
def test_of_many_classes_the_worst_are_drawn() -> None:
    """A picture of 60 classes is not taller than one of 20, and a name is not a formula."""
    tall, few = (
        pixels(confusion(evaluate_scores(population_of_sets(300, classes)))).shape[0]
        for classes in (60, 20)
    )
    assert tall == pytest.approx(few, abs=5)
    found = evaluate_scores(population_of_sets(50, 2))
    named = [dataclasses.replace(each, name=f"${each.name}$") for each in found.per_class]
    strange = dataclasses.replace(
        found, classes=tuple(each.name for each in named), per_class=tuple(named)
    )
    assert pixels(confusion(strange)).size


def first_column(png: bytes, colour: str) -> int:
    """Return the first column of pixels in which a colour is."""
    found = (pixels(png) == ImageColor.getrgb(colour)).all(axis=2).sum(axis=0)
    return int(np.flatnonzero(found > 20)[0])
