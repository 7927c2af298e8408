"""How often gates, temperature, OOD limit and thresholds do what the documentation says.

The images are Gaussian scores of each class, so the probabilities of a network that divides its
logits by the right temperature are known; the network that is measured is twice too confident. What
is true of it is computed from 200,000 images. A cell has all metrics of `draws` sets of images; two
cells go through `evaluate`, from pixels on, with 200 sets each.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax

import imgrec
from imgrec.evaluation.calibration import calibrated, fit_temperature
from imgrec.evaluation.metrics.calibration import calibration_error
from imgrec.evaluation.metrics.compute import compute_metrics
from imgrec.evaluation.metrics.intervals import bootstrap_draws
from imgrec.evaluation.results import Evaluation, MetricValue
from imgrec.evaluation.selective_prediction import choose_threshold
from imgrec.runs.card import Threshold
from imgrec.scores import Scores, one_hot
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from tools.simulations.tables import markdown, percent

Floats = NDArray[np.float64]

CELLS = tuple(
    (classes, accuracy, images)
    for classes in (2, 10)
    for accuracy in (0.8, 0.97)
    for images in (50, 100, 200, 300, 500)
)
"""Classes, accuracy and number of images."""

_THROUGH_EVALUATE = ((2, 0.97, 400), (10, 0.8, 200))
_EVALUATED = 200
_TOO_CONFIDENT = 2.0
_REFERENCE = 200_000
_SHOWN = 20_000
_GATES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier", "ece")
_LOSSES = ("log_loss", "brier", "ece")
_NAMES = tuple("abcdefghij")
_GREY, _CONTRAST = 100, 16


@dataclass(frozen=True)
class Cell:
    """A row: classes, how many images are right, images in a set, and sets."""

    classes: int
    accuracy: float
    images: int
    draws: int


def simulate(draws: int) -> Iterator[str]:
    """Yield the tables, line by line."""
    cells = [Cell(*each, draws) for each in CELLS]
    yield "How often a gate at the true value is passed:"
    yield ""
    yield from markdown(_head(*_GATES), cells, _gates_row)
    yield ""
    chosen = [Cell(*each, min(draws, _EVALUATED)) for each in _THROUGH_EVALUATE]
    yield f"The same through `evaluate`, {min(draws, _EVALUATED)} sets each:"
    yield ""
    yield from markdown(_head(*_GATES), chosen, _evaluated_row)
    yield ""
    yield "Temperature, OOD limit and thresholds:"
    yield ""
    head = (
        "log loss is higher after it",
        "calibration error before, after",
        "new images below the OOD limit",
        "precision missed",
        "coverage 0.9 missed",
    )
    yield from markdown(_head(*head), cells, _fitted_row)


def _head(*columns: str) -> tuple[str, ...]:
    return ("classes", "accuracy", "images", *columns)


@dataclass(frozen=True)
class Truth:
    """What is true of a network on all images.

    metrics: by name. logits: of the network. likely: the true probabilities. The last two are those
    of some images, (images, classes) each.
    """

    metrics: Mapping[str, float]
    logits: Floats
    likely: Floats


def drawn(cell: Cell, random: np.random.Generator, images: int) -> Scores:
    """Return the scores of a network that is twice too confident."""
    pixels, labels = pictures(cell, random, images)
    return as_scores(_logits(cell, pixels), labels, random.uniform(-1, 1, images))


def pictures(
    cell: Cell, random: np.random.Generator, images: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return pictures with a pixel for each class, uint8 (images, classes), and their labels."""
    distance = _distance(cell.classes, cell.accuracy)
    shown = one_hot(random.integers(cell.classes, size=images), cell.classes)
    scores = distance * shown + random.standard_normal((images, cell.classes))
    pixels = np.clip(np.rint(_GREY + _CONTRAST * scores), 0, 255).astype(np.uint8)
    chances = softmax(_logits(cell, pixels), axis=1).cumsum(axis=1)
    labels: NDArray[np.int64] = (chances < random.random((images, 1))).sum(axis=1)
    return pixels, np.minimum(labels, cell.classes - 1)


def _logits(cell: Cell, pixels: NDArray[np.uint8]) -> Floats:
    """Return the logits whose probabilities are true."""
    distance = _distance(cell.classes, cell.accuracy)
    return distance * (pixels.astype(np.float64) - _GREY) / _CONTRAST


def as_scores(logits: Floats, labels: NDArray[np.int64], similarity: Floats) -> Scores:
    """Return the scores of images with these logits, before the network doubles them."""
    return Scores(
        names=tuple(map(str, range(len(labels)))),
        truth=one_hot(labels, logits.shape[1]),
        probabilities=softmax(_TOO_CONFIDENT * logits, axis=1).astype(np.float32),
        classes=_NAMES[: logits.shape[1]],
        ood_similarity=similarity.astype(np.float32),
    )


@functools.cache
def _distance(classes: int, accuracy: float) -> float:
    """Return how far apart the classes are for this accuracy."""
    noise = np.random.default_rng(2).standard_normal((_REFERENCE, classes))

    def excess(distance: float) -> float:
        return float(np.mean(noise[:, 0] + distance > noise[:, 1:].max(axis=1))) - accuracy

    return float(brentq(excess, 0.1, 10))


@functools.cache
def _truth(classes: int, accuracy: float) -> Truth:
    random = np.random.default_rng(1)
    scores = drawn(Cell(classes, accuracy, 0, 0), random, _REFERENCE)
    return _truth_of(scores)


def _truth_of(scores: Scores) -> Truth:
    """Return what is true of the images, whatever their labels turned out to be."""
    given = scores.probabilities.astype(np.float64)
    logits = np.log(np.maximum(given, 1e-300))
    likely = softmax(logits / _TOO_CONFIDENT, axis=1)
    confusion = likely.T @ one_hot(given.argmax(axis=1), given.shape[1])
    hits, named, support = confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1)
    squares = (given**2).sum(axis=1) - 2 * (given * likely).sum(axis=1) + 1
    return Truth(
        {
            "accuracy": float(hits.sum() / len(given)),
            "balanced_accuracy": float(np.mean(hits / support)),
            "macro_f1": float(np.mean(2 * hits / (named + support))),
            "log_loss": _log_loss(logits, likely),
            "brier": float(squares.mean()) / (2 if given.shape[1] == 2 else 1),
            "ece": _gap(given, likely),
        },
        logits[:_SHOWN],
        likely[:_SHOWN],
    )


def _log_loss(logits: Floats, likely: Floats) -> float:
    return float(-(likely * log_softmax(logits, axis=1)).sum(axis=1).mean())


def _gap(given: Floats, likely: Floats) -> float:
    """Return the calibration error over 15 bins."""
    bins = np.minimum((given.max(axis=1) * 15).astype(int), 14)
    gaps = np.bincount(bins, likely.max(axis=1) - given.max(axis=1), 15)
    return float(np.abs(gaps).sum() / len(given))


def _passes(metrics: Mapping[str, MetricValue], truth: Truth) -> list[bool]:
    """Return whether each gate is passed whose bound is the true value."""
    return [_passed(metrics[name], truth.metrics[name], name) for name in _GATES]


def _passed(found: MetricValue, true: float, name: str) -> bool:
    if found.low is None or found.high is None:
        return False
    return found.high <= true if name in _LOSSES else found.low >= true


def passed_gates(cell: Cell) -> Mapping[str, float]:
    """Return how often a gate whose bound is the true value is passed, by metric."""
    random, truth = np.random.default_rng(0), _truth(cell.classes, cell.accuracy)
    passed = [_passes(_metrics(drawn(cell, random, cell.images)), truth) for _ in range(cell.draws)]
    return dict(zip(_GATES, map(float, np.mean(passed, axis=0)), strict=True))


def _gates_row(cell: Cell) -> tuple[str, ...]:
    return _shown(cell, *map(percent, passed_gates(cell).values()))


def _metrics(scores: Scores) -> Mapping[str, MetricValue]:
    """Return the metrics of `evaluate`, except the slow intervals of rankings."""
    weights = [np.ones((len(scores.names), 1), np.float32), *bootstrap_draws(len(scores.names))]
    quick = compute_metrics(scores, 5, thorough=False).metrics
    return {**quick, "ece": calibration_error(scores, weights)}


def _fitted_row(cell: Cell) -> tuple[str, ...]:
    random, truth = np.random.default_rng(0), _truth(cell.classes, cell.accuracy)
    target = 0.98 if cell.accuracy > 0.9 else 0.9
    given, likely = truth.logits, truth.likely
    before = _log_loss(given, likely)
    gaps: list[float] = []
    worse: list[bool] = []
    strange: list[float] = []
    missed: list[tuple[bool, bool]] = []
    for _ in range(cell.draws):
        scores = drawn(cell, random, cell.images)
        temperature = fit_temperature(scores, "validation").temperature
        probabilities = softmax(given / temperature, axis=1)
        gaps.append(_gap(probabilities, likely))
        worse.append(_log_loss(given / temperature, likely) > before)
        scores = calibrated(scores, temperature)
        precise = choose_threshold(scores, "precision", target, "validation")
        covering = choose_threshold(scores, "coverage", 0.9, "validation")
        strange.extend(_strange(found) for found in (precise, covering) if found is not None)
        answered = [
            np.zeros(0, bool) if found is None else probabilities.max(axis=1) >= found.value
            for found in (precise, covering)
        ]
        missed.append(
            (
                bool(answered[0].any()) and likely.max(axis=1)[answered[0]].mean() < target,
                covering is not None and answered[1].mean() * (1 - _strange(covering)) < 0.9,
            )
        )
    return _shown(
        cell,
        percent(float(np.mean(worse))),
        f"{percent(truth.metrics['ece'])}, {percent(float(np.mean(gaps)))}",
        percent(float(np.mean(strange))) if strange else "no limit",
        *map(percent, np.mean(missed, axis=0)),
    )


def _strange(found: Threshold) -> float:
    """Return how many new images fail the OOD limit; the similarities are uniform."""
    return 0.0 if found.ood_similarity is None else max(0.0, (1 + found.ood_similarity) / 2)


def _shown(cell: Cell, *columns: str) -> tuple[str, ...]:
    return (str(cell.classes), percent(cell.accuracy), f"{cell.images:,}", *columns)


def _evaluated_row(cell: Cell) -> tuple[str, ...]:
    random, truth = np.random.default_rng(0), _truth(cell.classes, cell.accuracy)
    with tempfile.TemporaryDirectory() as folder:
        model = _network(cell, Path(folder))
        passed = [
            _passes(_evaluation(model, cell, random, Path(folder)).metrics, truth)
            for _ in range(cell.draws)
        ]
    return _shown(cell, *map(percent, np.mean(passed, axis=0)))


def _network(cell: Cell, folder: Path) -> imgrec.Model:
    """Return the network as an imported model."""
    import keras

    factor = _TOO_CONFIDENT * _distance(cell.classes, cell.accuracy) / _CONTRAST
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((1, cell.classes, 1)),
            layers.Rescaling(factor, offset=-factor * _GREY),
            layers.Flatten(),
            layers.Softmax(),
        ]
    )
    network.save(folder / "network.keras")
    (folder / "classes.txt").write_text("\n".join(_NAMES[: cell.classes]), "utf-8")
    spec = ImportSpec(folder / "network.keras", classes=str(folder / "classes.txt"))
    return imgrec.load(import_model(spec, runs_dir=folder).path)


def _evaluation(
    model: imgrec.Model, cell: Cell, random: np.random.Generator, folder: Path
) -> Evaluation:
    """Evaluate the network on pictures that are read from a file."""
    pixels, labels = pictures(cell, random, cell.images)
    names = np.array(_NAMES[: cell.classes])
    np.savez(folder / "pictures.npz", x=pixels[:, np.newaxis], y=names[labels])
    return model.evaluate(folder / "pictures.npz")
