"""How values of metrics are written for people, wherever they stand."""

from __future__ import annotations

from imgrec.metrics.table import METRICS
from imgrec.rounding import decimals, percent, signed


def is_proportion(name: str) -> bool:
    """Return whether a metric is a proportion, 0 to 1, the higher the better."""
    return METRICS[name].unit == "proportion"


def format_value(name: str, value: float, more: int = 0) -> str:
    """Return the value of a metric: a proportion as percent, others with four decimals.

    more: how many more decimals than usual.

    Example:
        >>> format_value("accuracy", 0.9375), format_value("log_loss", 0.25)
        ('93.8 %', '0.2500')
    """
    return percent(value, 1 + more) if is_proportion(name) else decimals(value, 4 + more)


def format_limit(name: str, limit: float) -> str:
    """Return the limit of a metric with all of its digits.

    Example:
        >>> format_limit("accuracy", 0.93), format_limit("log_loss", 0.25)
        ('93 %', '0.25')
    """
    return f"{100 * limit:.12g} %" if is_proportion(name) else f"{limit:.12g}"


def format_difference(name: str, *values: float) -> str:
    """Return how much a metric differs, or from how much to how much, each with its sign.

    A proportion's in percentage points.

    Example:
        >>> format_difference("accuracy", 0.05), format_difference("log_loss", -0.25)
        ('+5.0 points', '-0.2500')
    """
    if is_proportion(name):
        return f"{' to '.join(signed(100 * value, 1) for value in values)} points"
    return " to ".join(signed(value, 4) for value in values)
