"""How often a threshold of selective prediction misses its target on new images.

A draw is a set of images with the confidence and the label that a classifier would have for them.
The threshold is chosen on it by `choose_threshold`; its true precision and coverage are known from
the population that the images were drawn from. A draw without a threshold has a coverage of 0.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from imgrec.evaluation.selective_prediction import Target, choose_threshold
from imgrec.scores import Scores, one_hot
from tools.simulations.tables import markdown, percent

Floats = NDArray[np.float64]

_CLASSES = ("a", "b")
_REFERENCE = 400_000
_SHARED = 0.9


class Answers(NamedTuple):
    """Confidences and the probability that each answer is right, float64 (images,) each."""

    confidence: Floats
    right: Floats


class Outcome(NamedTuple):
    """What a threshold does to new images: 0 and 1 if there is none."""

    coverage: float
    precision: float


def two_gaussians(random: np.random.Generator, images: int) -> Answers:
    """Two classes with normal scores: calibrated, 97 % right."""
    return _calibrated_margins(random.normal(norm.ppf(0.97), 1, images), 0.97)


def hard_images(random: np.random.Generator, images: int) -> Answers:
    """Calibrated, 97 % right: most images are clear, and some have any confidence above 50 %."""
    confidence = 0.5 + random.beta(0.3 * 0.94 / 0.06, 0.3, images) / 2
    return Answers(confidence, confidence)


def coarse(random: np.random.Generator, images: int) -> Answers:
    """The Gaussians with confidences in whole per cent, so that most are equal to others."""
    found = two_gaussians(random, images)
    return Answers(found.confidence.round(2), found.right)


def uninformative(random: np.random.Generator, images: int) -> Answers:
    """Confidences that mean nothing: 97.9 % are right at any threshold."""
    return Answers(random.uniform(0.5, 1, images), np.full(images, 0.979))


def confident_errors(random: np.random.Generator, images: int) -> Answers:
    """Of the most confident fifth 96 % are right, of the others 99 %."""
    confidence = random.uniform(0.5, 1, images)
    return Answers(confidence, np.where(confidence > 0.9, 0.96, 0.99))


POPULATIONS = {
    "two Gaussians": two_gaussians,
    "hard images": hard_images,
    "two Gaussians, confidences in whole per cent": coarse,
    "97.9 % right, whatever the confidence": uninformative,
    "the most confident fifth is the worst": confident_errors,
}


@dataclass(frozen=True)
class Setting:
    """A row: how the images are drawn, how many, what for, and how often."""

    population: str
    images: int
    draws: int
    target: Target = "precision"
    fraction: float = 0.98
    ood: bool = True


def outcomes(setting: Setting) -> tuple[list[Outcome], list[Outcome]]:
    """Return what the thresholds of all draws do, and those that only reach the target there."""
    random = np.random.default_rng(0)
    kept, reached = [], []
    for _ in range(setting.draws):
        drawn = POPULATIONS[setting.population](random, setting.images)
        wrong = random.random(setting.images) >= drawn.right
        scores = as_scores(drawn.confidence, wrong, random if setting.ood else None)
        kept.append(_outcome(setting.population, scores, setting.target, setting.fraction))
        level = _reaching(drawn.confidence, wrong, setting)
        reached.append(_at(setting.population, level, -1.0))
    return kept, reached


def missed(found: Sequence[Outcome], target: Target, fraction: float) -> float:
    """Return the fraction of draws whose threshold misses the target."""
    values = np.array(
        [each.precision if target == "precision" else each.coverage or 1 for each in found]
    )
    return float(np.mean(values < fraction))


def simulate(draws: int) -> Iterator[str]:
    """Yield the tables, line by line."""
    head = (
        *("population", "images", "target", "missed", "mean coverage", "no threshold"),
        "missed, if reached on the images",
    )
    settings = [
        Setting(population, images, draws) for population in POPULATIONS for images in (400, 2000)
    ]
    settings += [
        Setting("two Gaussians", images, draws, "coverage", 0.9) for images in (60, 400, 2000)
    ]
    yield from markdown(head, settings, _row)
    yield ""
    epochs = [
        Epochs(number, calibration, draws) for number in (3, 30, 100) for calibration in (1, 0.75)
    ]
    columns = ("epochs", "images that choose the threshold", "missed", "mean coverage")
    yield from markdown(columns, epochs, _epochs_row)


@dataclass(frozen=True)
class Epochs:
    """A row: the best of some epochs by validation accuracy, on 400 images of two Gaussians.

    In each epoch, 97.5 % are right. Nine tenths of the variance of an image are the same in all.
    """

    epochs: int
    calibration: float
    draws: int


def epoch_outcomes(setting: Epochs) -> list[Outcome]:
    """Return what the thresholds of the best epochs of all draws do."""
    random, images = np.random.default_rng(0), 400
    choosing = round(images * (1 - setting.calibration)) or images
    part = slice(choosing % images, None)
    found = []
    for _ in range(setting.draws):
        shared = np.sqrt(_SHARED) * random.standard_normal(images)
        noise = np.sqrt(1 - _SHARED) * random.standard_normal((setting.epochs, images))
        margins = norm.ppf(0.975) + shared + noise
        best = margins[(margins[:, :choosing] > 0).mean(axis=1).argmax()][part]
        answers = _calibrated_margins(best, 0.975)
        scores = as_scores(answers.confidence, best < 0, None)
        found.append(_outcome("epochs", scores, "precision", 0.98))
    return found


def as_scores(confidence: Floats, wrong: NDArray[np.bool_], random: object) -> Scores:
    """Return scores of two classes; with a generator, with an independent OOD similarity."""
    similarity = (
        random.uniform(-1, 1, len(confidence)).astype(np.float32)
        if isinstance(random, np.random.Generator)
        else None
    )
    return Scores(
        names=tuple(map(str, range(len(confidence)))),
        truth=one_hot(wrong.astype(np.int64), 2),
        probabilities=np.stack([confidence, 1 - confidence], axis=1).astype(np.float32),
        classes=_CLASSES,
        ood_similarity=similarity,
    )


def _calibrated_margins(margins: Floats, accuracy: float) -> Answers:
    """Return the answers of a classifier with normal scores, given their distance to its border."""
    confidence = expit(2 * norm.ppf(accuracy) * np.abs(margins))
    return Answers(confidence, confidence)


def _outcome(population: str, scores: Scores, target: Target, fraction: float) -> Outcome:
    found = choose_threshold(scores, target, fraction, "validation")
    if found is None:
        return Outcome(0, 1)
    return _at(population, found.value, found.ood_similarity or -1.0)


def _at(population: str, threshold: float, ood_similarity: float) -> Outcome:
    confidence, precision = _reference(population)
    answered = len(confidence) - int(np.searchsorted(confidence, threshold))
    if not answered:
        return Outcome(0, 1)
    return Outcome(
        answered / len(confidence) * (1 - ood_similarity) / 2, float(precision[-answered])
    )


@functools.cache
def _reference(population: str) -> tuple[Floats, Floats]:
    """Return rising confidences, and the precision with each of them as the threshold."""
    random = np.random.default_rng(1)
    if population == "epochs":
        drawn = _calibrated_margins(random.normal(norm.ppf(0.975), 1, _REFERENCE), 0.975)
    else:
        drawn = POPULATIONS[population](random, _REFERENCE)
    order = np.argsort(drawn.confidence)
    right = drawn.right[order][::-1].cumsum()[::-1]
    return drawn.confidence[order], right / np.arange(_REFERENCE, 0, -1)


def _reaching(confidence: Floats, wrong: NDArray[np.bool_], setting: Setting) -> float:
    """Return the threshold that just reaches the target on the images themselves."""
    order = np.argsort(-confidence)
    answers = np.arange(1, len(order) + 1)
    if setting.target == "coverage":
        return float(confidence[order][int(np.ceil(setting.fraction * len(order))) - 1])
    kept = np.flatnonzero(1 - np.cumsum(wrong[order]) / answers >= setting.fraction)
    return float(confidence[order][kept[-1]]) if kept.size else 2.0


def _row(setting: Setting) -> tuple[str, ...]:
    kept, reached = outcomes(setting)
    goal = setting.target, setting.fraction
    return (
        setting.population,
        f"{setting.images:,}",
        f"{setting.target} {setting.fraction:g}",
        percent(missed(kept, *goal)),
        f"{np.mean([each.coverage for each in kept]):.2f}",
        percent(float(np.mean([each.coverage == 0 for each in kept]))),
        percent(missed(reached, *goal)),
    )


def _epochs_row(setting: Epochs) -> tuple[str, ...]:
    found = epoch_outcomes(setting)
    same = "all 400, which choose the epoch too"
    part = f"{400 * setting.calibration:.0f} of 400; the others choose the epoch"
    return (
        str(setting.epochs),
        same if setting.calibration == 1 else part,
        percent(missed(found, "precision", 0.98)),
        f"{np.mean([each.coverage for each in found]):.2f}",
    )
