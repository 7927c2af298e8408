"""What the measures of an evaluation are called, and how their numbers are written."""

from __future__ import annotations

from imgrec.evaluation.metrics import Metric
from imgrec.report.wording import interval, percent

_TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "weighted_f1": "Weighted F1",
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error",
}
_PROPORTIONS = {"accuracy", "top_k_accuracy", "balanced_accuracy", "macro_f1", "weighted_f1"}


def title(name: str, top_k: int) -> str:
    """Return a measure's title by its name in JSON; `top_k` is the k of `top_k_accuracy`."""
    if name == "top_k_accuracy":
        return f"Top-{top_k} accuracy"
    return _TITLES.get(name, name)


def number(name: str, value: float) -> str:
    """Return a measure's value: a proportion as percent, others with four decimals."""
    return percent(value) if name in _PROPORTIONS else f"{value:.4f}"


def bounds(name: str, metric: Metric) -> str:
    """Return the measure's interval, written like its value; nothing where it has none."""
    if metric.low is None or metric.high is None:
        return ""
    if name in _PROPORTIONS:
        return interval(metric)
    return f"{metric.low:.4f} to {metric.high:.4f}"


def difference(name: str, *values: float) -> str:
    """Return how much a measure differs, or from how much to how much, each with its sign.

    A proportion's in percentage points.
    """
    if name in _PROPORTIONS:
        return f"{' to '.join(f'{100 * value:+.1f}' for value in values)} points"
    return " to ".join(f"{value:+.4f}" for value in values)


def is_proportion(name: str) -> bool:
    """Say whether a measure is a share of something, 0 to 1, the more the better."""
    return name in _PROPORTIONS
