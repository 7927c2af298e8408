"""Proportions with Wilson's interval.

Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
"""

from __future__ import annotations

from imgrec.evaluation.metrics import Metric


def proportion(hits: int, total: int) -> Metric:
    """Return hits / total with its 95 % interval; 0 without one where `total` is 0."""
    if total == 0:
        return Metric(0.0)
    from scipy.stats import binomtest

    interval = binomtest(hits, total).proportion_ci(0.95, method="wilson")
    return Metric(hits / total, float(interval.low), float(interval.high))
