"""Metrics of the folds of a cross-validation, or of several seeds, with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from imgrec.evaluation.metrics import exact_interval
from imgrec.evaluation.pooling import pool_folds, pool_seeds
from imgrec.scores import Scores, one_hot


def _scores(right: int, images: int) -> Scores:
    """Return answers of which so many are right."""
    truth = one_hot(np.arange(images) % 2, 2)
    answers = np.where((np.arange(images) < right)[:, np.newaxis], truth, ~truth)
    probabilities = np.where(answers, 0.9, 0.1).astype(np.float32)
    return Scores(tuple(map(str, range(images))), truth, probabilities, ("a", "b"))


def test_folds_that_differ_widen_the_interval() -> None:
    """Their variance counts 1/5 + 1/4 times, as their models share most images."""
    rights = (14, 16, 15, 13, 17)
    value, values = pool_folds([_scores(right, 20) for right in rights], 1)["accuracy"]
    assert values == tuple(right / 20 for right in rights)
    assert value.value == pytest.approx(0.75)
    margin = t.ppf(0.975, 4) * np.std(values, ddof=1) * (1 / 5 + 1 / 4) ** 0.5
    assert margin > 0.09
    assert value.low == pytest.approx(0.75 - margin)
    assert value.high == pytest.approx(0.75 + margin)


def test_folds_that_agree_have_the_interval_of_their_images() -> None:
    """Equal folds say nothing about how much a model depends on its images."""
    value, _ = pool_folds([_scores(16, 20)] * 5, 1)["accuracy"]
    exact = exact_interval(80, 100)
    assert value.low == pytest.approx(exact.low)
    assert value.high == pytest.approx(exact.high)


def test_seeds_share_their_images() -> None:
    """More seeds do not make more images: the interval is no narrower than that of one model."""
    value, _ = pool_seeds([_scores(16, 20)] * 5, 1)["accuracy"]
    exact = exact_interval(16, 20)
    assert value.low == pytest.approx(exact.low)
    assert value.high == pytest.approx(exact.high)
    wider, values = pool_seeds([_scores(right, 20) for right in (14, 16, 18)], 1)["accuracy"]
    assert values == (0.7, 0.8, 0.9)
    assert wider.low is not None
    assert exact.low is not None
    assert wider.low < exact.low
