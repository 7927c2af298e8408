"""Which of several models is better on the same images, by a test of each pair.

Whether models are right is judged by McNemar's exact test, on the images that one of the two gets
right: McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
Other values are judged by the paired t-test. Of many pairs some would differ by chance: Holm, "A
simple sequentially rejective multiple test procedure", 1979.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgrec.metrics import Floats


def pairwise(values: Floats) -> Floats:
    """Return the two-sided p-value of each pair of models, float64 (models, models).

    McNemar's exact test if each value is 0 or 1 (or -1), else the paired t-test.
    """
    if np.isin(values, (0, 1)).all() or np.isin(values, (0, -1)).all():
        return mcnemar(values != 0)
    return _paired_t(values)


def mcnemar(right: NDArray[np.bool_]) -> Floats:
    """Return the two-sided p-value of the exact test of each pair, float64 (models, models).

    Args:
        right: Whether a model is right about an image, (models, images). With what is wrong in
            place of it, the values are the same.
    """
    from scipy.special import bdtr

    values = right.astype(np.float64)
    only = values @ (1 - values).T
    differing = (only + only.T).astype(np.int64)
    return np.asarray(np.minimum(2 * bdtr(np.minimum(only, only.T), differing, 0.5), 1))


def _paired_t(values: Floats) -> Floats:
    from scipy.special import stdtr

    images = values.shape[1]
    if images < 2:
        return np.ones((len(values), len(values)))
    means, covariance = values.mean(1), np.atleast_2d(np.cov(values))
    variance = np.diag(covariance)
    spread = np.maximum(variance[:, np.newaxis] + variance - 2 * covariance, 0) / images
    difference = np.abs(means[:, np.newaxis] - means)
    t = np.divide(difference, np.sqrt(spread), out=np.zeros_like(spread), where=spread > 1e-30)
    return np.asarray(2 * stdtr(images - 1, -t))


def adjusted(p: Floats) -> Floats:
    """Return p-values that are adjusted for the number of pairs by Holm's method.

    Args:
        p: Symmetric, float64 (models, models); the diagonal does not count.
    """
    rows, columns = np.triu_indices(len(p), 1)
    found = p[rows, columns]
    order = np.argsort(found)
    factors = len(found) - np.arange(len(found))
    stepped = np.minimum(np.maximum.accumulate(found[order] * factors), 1)
    result = np.ones_like(p)
    result[rows[order], columns[order]] = result[columns[order], rows[order]] = stepped
    return result
