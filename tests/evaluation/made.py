"""Scores to evaluate, made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.scores import Decision, Scores, Skipped, one_hot


def scores(
    truth: NDArray[np.int64] | list[int] | None, probabilities: object, skipped: int = 0
) -> Scores:
    """Return scores of images `0.png`, `1.png`, ..., classes `a`, `b`, ..."""
    rows = np.asarray(probabilities, dtype=np.float32)
    return Scores(
        names=tuple(f"{i}.png" for i in range(len(rows))),
        truth=None if truth is None else one_hot(np.asarray(truth, np.int64), rows.shape[1]),
        probabilities=rows,
        classes=tuple("abcdefghij"[: rows.shape[1]]),
        skipped=tuple(Skipped(f"bad{i}.png", "is not an image") for i in range(skipped)),
    )


@st.composite
def any_scores(draw: st.DrawFn) -> Scores:
    """Draw scores whose rows hold ties, ones and zeros; some classes have no image."""
    classes, images = draw(st.integers(2, 6)), draw(st.integers(1, 30))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = generator.integers(0, draw(st.sampled_from([2, 4, 10**6])), (images, classes)) + 1e-9
    truth = generator.integers(0, draw(st.integers(1, classes)), images)
    return scores(truth, weights / weights.sum(axis=1, keepdims=True))


def population(images: int, classes: int, seed: int = 0, skill: float = 1.5) -> Scores:
    """Return scores of a model that is often right and too sure of it; later classes are rarer."""
    generator = np.random.default_rng(seed)
    share = 1 / np.arange(1, classes + 1)
    truth = generator.choice(classes, images, p=share / share.sum())
    logits = generator.normal(size=(images, classes)).astype(np.float32)
    logits[np.arange(images), truth] += skill
    odds = np.exp(1.7 * logits)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    names = tuple(f"{i}.png" for i in range(images))
    of_classes = tuple(f"class {i}" for i in range(classes))
    return Scores(names, one_hot(truth, classes), probabilities, of_classes)


def label_sets(truth: object, probabilities: object, thresholds: float = 0.5) -> Scores:
    """Return scores of images with several labels or none; truth: 0 or 1, (images, classes)."""
    made = scores(None, probabilities)
    positives = np.asarray(truth, bool).reshape(made.probabilities.shape)
    every = (thresholds,) * len(made.classes)
    return replace(made, truth=positives, decision=Decision(class_thresholds=every))


@st.composite
def any_label_sets(draw: st.DrawFn) -> Scores:
    """Draw scores with ties, ones and zeros; some classes are in no image, or in all."""
    classes, images = draw(st.integers(2, 5)), draw(st.integers(1, 25))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([1, 3, 10**6]))
    probabilities = generator.integers(0, levels + 1, (images, classes)) / levels
    shares = generator.choice([0, 0.3, 0.7, 1], classes)
    truth = generator.random((images, classes)) < shares
    found = label_sets(truth, probabilities)
    thresholds = tuple(float(each) for each in generator.choice([0.25, 0.5, 0.9], classes))
    return replace(found, decision=Decision(class_thresholds=thresholds))


def population_of_sets(images: int, classes: int, seed: int = 0, skill: float = 1.5) -> Scores:
    """Return scores of a model that is often right; later classes are rarer."""
    generator = np.random.default_rng(seed)
    truth = generator.random((images, classes)) < 0.6 / np.arange(1, classes + 1)
    logits = generator.normal(size=(images, classes)) + skill * (2 * truth - 1)
    return replace(
        label_sets(truth, 1 / (1 + np.exp(-1.4 * logits))),
        classes=tuple(f"class {i}" for i in range(classes)),
        decision=Decision(class_thresholds=(0.5,) * classes),
    )
