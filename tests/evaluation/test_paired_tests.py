"""Which of several models is better, by tests of pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_rel

from imgrec.evaluation.paired_tests import adjusted, pairwise


def test_pairs_are_tested_as_by_scipy() -> None:
    """McNemar's exact test if a model is right or wrong, else the paired t-test."""
    generator = np.random.default_rng(1)
    right = (generator.random((3, 60)) < [[0.9], [0.6], [0.6]]).astype(float)
    better, worse = (int(each.sum()) for each in (right[0] > right[1], right[0] < right[1]))
    p = pairwise(right)[0, 1]
    assert p == pytest.approx(binomtest(better, better + worse).pvalue)
    assert pairwise(right - 1)[0, 1] == pytest.approx(p)
    losses = generator.normal(size=(3, 60))
    assert pairwise(losses)[1, 2] == pytest.approx(ttest_rel(losses[1], losses[2]).pvalue)
    assert pairwise(np.ones((2, 9)))[0, 1] == 1
    assert pairwise(np.full((2, 9), 0.3))[0, 1] == 1


def test_p_values_are_adjusted_for_all_pairs() -> None:
    """The smallest of three is tripled, the next doubled, none is smaller than one before it."""
    p = np.ones((3, 3))
    p[0, 1] = p[1, 0] = 0.01
    p[0, 2] = p[2, 0] = 0.03
    p[1, 2] = p[2, 1] = 0.04
    expected = [[1, 0.03, 0.06], [0.03, 1, 0.06], [0.06, 0.06, 1]]
    np.testing.assert_allclose(adjusted(p), expected)
