"""How far off the best of 100 trials is, and how often one trial is wrongly said to be better.

Each trial is right about an image with a probability of 90 %, or with one that is drawn for each
trial around 90 % (`spread`). What two trials are right about is correlated: each copies what
is common to all with a probability that gives this correlation.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics import exact_interval
from imgrec.evaluation.paired_tests import adjusted, pairwise
from imgrec.evaluation.results import MetricValue
from imgrec.evaluation.selection import SIGNIFICANCE, corrected_mean
from tools.simulations.tables import markdown, percent

TRIALS, ACCURACY = 100, 0.9

_HEAD = (
    "images",
    "correlation",
    "spread",
    "too high by",
    "interval holds",
    "corrected: too high by",
    "interval holds",
    'a false "A beats B"',
    "without adjustment",
)


@dataclass(frozen=True)
class Cell:
    """A row of the table.

    Args:
        images: How many.
        correlation: Of two trials.
        spread: The standard deviation of the trials' true accuracies.
        draws: How many sweeps.
    """

    images: int
    correlation: float
    spread: float
    draws: int


def simulate(draws: int) -> Iterator[str]:
    """Yield the table: the best trial's accuracy, as measured and corrected, and the tests."""
    cells = [
        Cell(images, correlation, spread, draws)
        for spread in (0.0, 0.01)
        for images in (400, 2000)
        for correlation in (0.0, 0.5, 0.9)
    ]
    yield from markdown(_HEAD, cells, row)


def row(cell: Cell) -> tuple[str, ...]:
    """Return a row of the table."""
    found = np.mean([_sweep(cell, number) for number in range(cell.draws)], axis=0)
    raw, held, corrected, corrected_held, false, unadjusted = found
    tests = ("", "") if cell.spread else (percent(false), percent(unadjusted))
    return (
        f"{cell.images:,}",
        f"{cell.correlation:g}",
        percent(cell.spread),
        f"{100 * raw:.2f}",
        percent(held),
        f"{100 * corrected:.2f}",
        percent(corrected_held),
        *tests,
    )


def _sweep(cell: Cell, number: int) -> tuple[float, ...]:
    """Return by how much the best trial is overrated, and what holds, of one sweep."""
    generator = np.random.default_rng([zlib.crc32(repr(cell).encode()), number])
    truth = np.clip(generator.normal(ACCURACY, cell.spread, TRIALS), 0, 1)
    right = _drawn(truth, cell, generator).astype(np.float64)
    best = int(np.argmax(right.mean(1)))
    measured = exact_interval(right[best].sum(), cell.images)
    corrected = exact_interval(corrected_mean(right) * cell.images, cell.images)
    p = pairwise(right)
    np.fill_diagonal(p, 1)
    return (
        measured.value - truth[best],
        _holds(measured, truth[best]),
        corrected.value - truth[best],
        _holds(corrected, truth[best]),
        float((adjusted(p) < SIGNIFICANCE).any()),
        float((p[best] < SIGNIFICANCE).any()),
    )


def _holds(found: MetricValue, truth: float) -> float:
    return float((found.low or 0.0) <= truth <= (1.0 if found.high is None else found.high))


def _drawn(
    truth: NDArray[np.float64], cell: Cell, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Return what each trial is right about, (trials, images)."""
    shape = len(truth), cell.images
    copied = generator.random(shape) < cell.correlation**0.5
    ease = np.where(copied, generator.random(cell.images), generator.random(shape))
    found: NDArray[np.bool_] = ease < truth[:, np.newaxis]
    return found
