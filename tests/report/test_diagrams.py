"""Diagrams show what was found, for any number of classes and images."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Evaluation
from imgrec.report.charts import DARK, LIGHT, class_bars, coverage_plot, reliability_plot
from imgrec.report.charts.style import PlotStyle
from imgrec.scores import Decision
from tests.evaluation.made import population, scores

Make = Callable[..., Evaluation]
Draw = Callable[..., bytes]

LEGEND = 40
DIAGRAMS = [class_bars, coverage_plot, reliability_plot]


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Return a picture as an array of shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def count(png: bytes, colour: str) -> int:
    """Return how many pixels of the picture have exactly this colour."""
    return int((pixels(png) == ImageColor.getrgb(colour)[:3]).all(axis=2).sum())


@pytest.mark.parametrize("draw", DIAGRAMS)
@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_diagrams_have_the_colours_of_their_look(draw: Draw, look: PlotStyle) -> None:
    """Paper in the corner, the measure in its colour, and the same picture each time."""
    png = draw(evaluate_scores(population(200, 3)), look=look)
    assert tuple(pixels(png)[0, 0]) == ImageColor.getrgb(look.paper)
    assert count(png, look.training) > 300
    assert png == draw(evaluate_scores(population(200, 3)), look=look)


@pytest.mark.parametrize("draw", DIAGRAMS)
def test_one_image_has_its_diagrams(draw: Draw) -> None:
    """A single image, a class without any: there is still something to see."""
    png = draw(evaluate_scores(scores([1], [[0.25, 0.5, 0.25]])))
    assert count(png, LIGHT.training) > 20


def test_what_a_model_answers_is_a_point_on_its_coverage() -> None:
    """Where it may say "unknown"; otherwise the line is alone."""
    given_scores = population(200, 3)
    alone, limited, strict = (
        coverage_plot(evaluate_scores(replace(given_scores, decision=decision)))
        for decision in (Decision(), Decision(0.6), Decision(1.1))
    )
    assert count(alone, LIGHT.validation) == count(strict, LIGHT.validation) == 0
    assert count(limited, LIGHT.validation) > 50


def test_bars_are_as_long_as_the_measure() -> None:
    """The bar of a perfect class is twice as long as that of one half right."""
    perfect = evaluate_scores(scores([0] * 2000, [[1, 0]] * 2000))
    half = evaluate_scores(scores([0] * 2000, [[1, 0], [0, 1]] * 1000))
    long, short = (longest(class_bars(each), LIGHT.validation) for each in (perfect, half))
    assert short == pytest.approx(long / 2, rel=0.1)


def test_of_many_classes_the_worst_have_bars() -> None:
    """A picture of 60 classes is not taller than one of 20."""
    tall, few = (pixels(class_bars(evaluate_scores(population(500, n)))).shape[0] for n in (60, 20))
    assert tall == pytest.approx(few, abs=5)


def test_overconfidence_is_seen() -> None:
    """Sure and half right: the line of the probability stands above the bar."""
    rows = [[0.95, 0.05], [0.95, 0.05]] * 50
    picture = pixels(reliability_plot(evaluate_scores(scores([0, 1] * 50, rows))))
    line = heights(picture, LIGHT.validation)
    bar = heights(picture, LIGHT.training)
    assert line.max() < bar.min()


@pytest.mark.parametrize("draw", DIAGRAMS)
def test_hostile_names_are_drawn_as_they_are_shown(
    evaluation: Make, hostile: tuple[str, ...], draw: Draw
) -> None:
    """No name is a formula, no missing letter is a warning."""
    assert pixels(draw(evaluation(hostile))).size


def longest(png: bytes, colour: str) -> int:
    """Return the most pixels of a colour in one row."""
    return int((pixels(png) == ImageColor.getrgb(colour)).all(axis=2).sum(axis=1).max())


def heights(picture: NDArray[np.uint8], colour: str) -> NDArray[np.int64]:
    """Return the rows below the legend that hold ten pixels of a colour, the highest first."""
    counts = (picture == ImageColor.getrgb(colour)).all(axis=2).sum(axis=1)
    return np.flatnonzero(counts[LEGEND:] >= 10) + LEGEND
