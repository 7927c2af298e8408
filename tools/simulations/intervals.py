"""How often the intervals of an evaluation contain the truth, and how wide they are.

Each class has a fixed number of images, at least one. A classifier has a recall for each class and
sends its errors to the next class; or its scores are Gaussian, so that images are ranked; or images
have several labels, some images are harder than others, and later labels are rarer. What is true
comes from 200,000 images.

A width is given in units of that of exact binomial intervals at the same counts: of each class's
recall, hits among the images that have the class or are predicted to have it (F1), or ranking,
combined by the square root of the sum of squares (Zou, Donner, 2008), with the same dependence.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from imgrec.evaluation.metrics.counts import class_metrics, count_images, count_metrics
from imgrec.evaluation.metrics.means import dependence_of
from imgrec.evaluation.metrics.ranking import class_ranking, ranking_metrics, ranking_values
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import Counts
from imgrec.scores import Decision, Scores, one_hot
from tools.simulations.tables import markdown, percent

Kind = Literal["never", "half", "0.9", "0.99", "always", "first half", "ranked", "labels"]


@dataclass(frozen=True)
class Cell:
    """A row of the table.

    Args:
        images: How many.
        classes: How many.
        rare: Whether all classes but the first have 1 % of the images each.
        kind: What the classifier is right about.
        draws: How many sets of images.
    """

    images: int
    classes: int
    rare: bool
    kind: Kind
    draws: int

    @property
    def counts(self) -> NDArray[np.int64]:
        """The images of each class, int64 (classes,)."""
        shares = np.full(self.classes, 1 / self.classes)
        if self.rare:
            shares[:] = 0.01
            shares[0] = 1 - shares[1:].sum()
        return np.asarray(np.maximum(1, (self.images * shares).round()), np.int64)


METRICS = (
    "recall",
    "f1",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "micro_f1",
    "roc_auc",
    "average_precision",
)
"""The columns; the first two are those of the last class."""

_RECALLS: Mapping[str, tuple[float, float]] = {
    "never": (0, 0),
    "half": (0.5, 0.5),
    "0.9": (0.9, 0.9),
    "0.99": (0.99, 0.99),
    "always": (1, 1),
    "first half": (1, 0),
}
_SIZES = ((10, 2), (10, 10), (30, 5), (100, 2), (100, 20), (1000, 10), (10_000, 20))
_KINDS: tuple[Kind, ...] = ("never", "half", "0.9", "0.99", "always", "first half", "ranked")
_LABELS = 5
_REFERENCE = 200_000


def simulate(draws: int) -> Iterator[str]:
    """Yield the table: how often each interval contains the truth, and its relative width."""
    yield from markdown(("images", "classes", "shares", "right", *METRICS), cells(draws), row)


def cells(draws: int) -> tuple[Cell, ...]:
    """Return the rows: 10 to 10,000 images of 2 to 20 classes; each size meets four kinds."""
    found = [
        Cell(
            *size, rare=bool(column % 2), kind=_KINDS[(2 * column + row) % len(_KINDS)], draws=draws
        )
        for row, size in enumerate(_SIZES)
        for column in range(4)
    ]
    labels = [
        Cell(images, _LABELS, rare=False, kind="labels", draws=draws) for images in (30, 1000)
    ]
    return (*found, *labels)


def row(cell: Cell) -> tuple[str, ...]:
    """Return a row of the table."""
    found = measure(cell)
    cells = (
        f"{percent(found[name][0])} ({found[name][1]:.2f})" if name in found else ""
        for name in METRICS
    )
    shares = "1 %" if cell.rare else "" if cell.kind == "labels" else "equal"
    return f"{cell.images:,}", str(cell.classes), shares, cell.kind, *cells


def measure(cell: Cell) -> Mapping[str, tuple[float, float]]:
    """Return how often each interval contains the truth, and its relative width, by metric."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    everything = _intervals(_drawn(cell, max(1, _REFERENCE // cell.images), generator))
    truth = {name: found.value for name, (found, _) in everything.items()}
    held = dict.fromkeys(truth, 0)
    widths = {name: np.zeros(2) for name in truth}
    for _ in range(cell.draws):
        for name, (found, binomial) in _intervals(_drawn(cell, 1, generator)).items():
            if found.low is not None and found.high is not None:
                held[name] += found.low - 1e-9 <= truth[name] <= found.high + 1e-9
                widths[name] += found.high - found.low, binomial
    return {name: (held[name] / cell.draws, _ratio(*widths[name])) for name in truth}


def _ratio(ours: float, exact: float) -> float:
    return float(ours / exact) if exact else math.nan


def _intervals(scores: Scores) -> Mapping[str, tuple[MetricValue, float]]:
    """Return each metric with its interval, and the width of the exact binomial ones."""
    _, counts = count_images(scores)
    dependence, several = dependence_of(scores), scores.multi_label
    values = ranking_values(scores, [np.ones((len(scores.names), 1), np.float32)])
    support, images = counts.support[0], len(scores.names)
    of_classes = class_metrics(counts, multi_label=several)
    ranked = class_ranking(values, support, images)
    found = {
        **count_metrics(counts, multi_label=several, dependence=dependence),
        **ranking_metrics(values, support, images, dependence),
    }
    f1, shares = of_classes["f1"], support / support.sum()
    exact = {
        "balanced_accuracy": _combined(of_classes["recall"], 1),
        "macro_f1": _combined(f1, dependence),
        "weighted_f1": _combined(f1, dependence, shares),
        "micro_f1": _combined([_micro(counts)], dependence),
        **{name: _combined([each for each in ranked[name] if each], dependence) for name in ranked},
    }
    last = {name: of_classes[name][-1] for name in ("recall", "f1")}
    return {
        **{name: (each, _combined([each], 1)) for name, each in last.items()},
        **{name: (found[name], exact[name]) for name in exact if name in found},
    }


def _micro(counts: Counts) -> MetricValue:
    summed = Counts(*(each.sum(axis=1, keepdims=True) for each in vars(counts).values()))
    return class_metrics(summed, multi_label=True)["f1"][0]


def _combined(
    found: Sequence[MetricValue], dependence: float, weights: NDArray[np.float64] | None = None
) -> float:
    """Return the width of the interval of a mean by those of its classes."""
    rows = [(each.value, each.low, each.high) for each in found]
    ends = np.array(rows, np.float64).reshape(-1, 3)
    known = np.isfinite(ends).all(axis=1)
    value, low, high = ends[known].T
    shares = np.ones(len(value)) if weights is None else weights[known]
    shares = shares / shares.sum()
    below, above = (
        math.sqrt(dependence * float(np.square(shares * (end - value)).sum()))
        for end in (low, high)
    )
    mean = float(shares @ value)
    return min(mean + above, 1) - max(mean - below, 0)


def _drawn(cell: Cell, times: int, generator: np.random.Generator) -> Scores:
    """Return `times` as many images as the cell has."""
    names = tuple(map(str, range(cell.classes)))
    if cell.kind == "labels":
        truth, probabilities = _several(cell.images * times, generator)
        decision = Decision(class_thresholds=(0.5,) * _LABELS)
        return Scores(("",) * len(truth), truth, probabilities, names, decision=decision)
    labels = np.repeat(np.arange(cell.classes), cell.counts * times)
    if cell.kind == "ranked":
        logits = generator.normal(size=(len(labels), cell.classes))
        logits += 2.5 * one_hot(labels, cell.classes)
        probabilities = softmax(logits, axis=1).astype(np.float32)
    else:
        half = cell.classes // 2
        recalls = np.repeat(_RECALLS[cell.kind], [cell.classes - half, half])
        # The truth has exactly the expected errors.
        chance = np.concatenate([np.arange(count) / count for count in cell.counts * times])
        wrong = (generator.random(len(labels)) if times == 1 else chance) >= recalls[labels]
        answers = np.where(wrong, (labels + 1) % cell.classes, labels)
        probabilities = one_hot(answers, cell.classes).astype(np.float32)
    return Scores(("",) * len(labels), one_hot(labels, cell.classes), probabilities, names)


def _several(
    images: int, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return the labels of images and their probabilities; an image is hard for all its labels."""
    truth = generator.random((images, _LABELS)) < 0.6 / np.arange(1, _LABELS + 1)
    skill = np.where(generator.random((images, 1)) < 0.2, 0.0, 2.5)
    logits = generator.normal(size=(images, _LABELS)) + skill * (2 * truth - 1)
    return truth, expit(logits).astype(np.float32)
