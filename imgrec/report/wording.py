"""How numbers and names are written for people."""

from __future__ import annotations

import math

from imgrec.evaluation.metrics import Metric
from imgrec.text import shown

_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
}
_SHARES = {"accuracy", "top_k_accuracy", "balanced_accuracy", "macro_f1", "weighted_f1"}


def percent(fraction: float) -> str:
    """Return a fraction in [0, 1] as percent; never 100.0 % or 0.0 % where it is only near."""
    if not math.isfinite(fraction):
        return "unknown"
    if 0 < fraction < 1:
        fraction = min(max(fraction, 0.001), 0.999)
    return f"{100 * fraction:.1f} %"


def interval(metric: Metric) -> str:
    """Return a proportion's 95 % interval as percent, nothing where it has none."""
    if metric.low is None or metric.high is None:
        return ""
    return f"{100 * metric.low:.1f} to {100 * metric.high:.1f} %"


def metric_name(name: str, top_k: int) -> str:
    """Return how people call a metric that programs call `name`: `macro_f1` is macro F1."""
    return f"top-{top_k} accuracy" if name == "top_k_accuracy" else _NAMES[name]


def metric_value(name: str, metric: Metric) -> str:
    """Return the value of the metric `name`: a share of images as percent, others as they are."""
    if name in _SHARES:
        return percent(metric.value)
    return f"{metric.value:.3f}" if math.isfinite(metric.value) else "unknown"


def metric_interval(name: str, metric: Metric) -> str:
    """Return the 95 % interval of the metric `name`, nothing where it has none."""
    if name in _SHARES or metric.low is None or metric.high is None:
        return interval(metric)
    return f"{metric.low:.3f} to {metric.high:.3f}"


def short(name: str, limit: int) -> str:
    """Return `name` as `shown`, cut to `limit` characters."""
    text = shown(name)
    return text if len(text) <= limit else text[: limit - 1] + "…"
