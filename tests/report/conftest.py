"""Evaluations to report on, and names nobody should trust."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment, Evaluation
from imgrec.scores import Scores, Skipped, one_hot

HOSTILE = (
    "<script>alert(1)</script>",
    "|",
    "::error::x",
    "=cmd|' /C calc'!A0",
    "\x1b[31mred\x1b[0m\x07",
    "[bold]x[/bold]",
    "../x",
    "nul\0 line\nfeed\r\x85end",
    "\udcff\ud800.jpg",
    "$\\frac",
    "\u202egpj.exe",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "熊猫",
)


@pytest.fixture
def hostile() -> tuple[str, ...]:
    """Return names that mean something to a browser, a spreadsheet, a terminal or a picture."""
    return HOSTILE


@pytest.fixture(scope="session")
def scored() -> Callable[..., Scores]:
    """Return a function that scores 4 images of each class, mostly right."""

    def make(classes: Sequence[str] | int, skipped: Sequence[Skipped] = ()) -> Scores:
        names = tuple(f"class {i}" for i in range(classes)) if isinstance(classes, int) else classes
        count = len(names)
        truth = np.arange(4 * count, dtype=np.int64) % count
        predicted = np.where(np.arange(4 * count) % 7 == 0, (truth + 1) % count, truth)
        probabilities = 0.1 / count + 0.9 * np.eye(count, dtype=np.float32)[predicted]
        images = tuple(f"{i}.png" for i in range(4 * count))
        return Scores(images, one_hot(truth, count), probabilities, tuple(names), tuple(skipped))

    return make


@pytest.fixture(scope="session")
def evaluation(scored: Callable[..., Scores]) -> Callable[..., Evaluation]:
    """Return a function that evaluates what `scored` scores."""

    def make(classes: Sequence[str] | int, skipped: Sequence[Skipped] = ()) -> Evaluation:
        return evaluate_scores(scored(classes, skipped))

    return make


@pytest.fixture(scope="session")
def assessment(scored: Callable[..., Scores]) -> Callable[..., Assessment]:
    """Return a function that assesses what `scored` scores; other fields by their names."""

    def make(
        classes: Sequence[str] | int, skipped: Sequence[Skipped] = (), **fields: Any
    ) -> Assessment:
        scores = scored(classes, skipped)
        found = Assessment("digits-1", "test", "photos", scores, evaluate_scores(scores))
        return dataclasses.replace(found, **fields)

    return make
