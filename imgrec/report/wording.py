"""How numbers and names are written for people."""

from __future__ import annotations

import datetime as dt
import math

from imgrec.data.parts import ALL
from imgrec.evaluation.assessment import Assessment
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


def verdict_line(assessment: Assessment) -> str:
    """Return what came of the gate, the accuracy where nothing was required."""
    verdicts = assessment.verdicts
    missed = sum(not verdict.met for verdict in verdicts)
    if not verdicts:
        return f"Accuracy {percent(assessment.evaluation.metrics['accuracy'].value)}"
    of_all = f"of {len(verdicts)} requirement{'s' if len(verdicts) > 1 else ''}"
    return (
        f"Gate not met: {missed} {of_all} missed"
        if missed
        else f"Gate met: {len(verdicts)} {of_all}"
    )


def counted_images(assessment: Assessment) -> str:
    """Return how many images of which split were used: `1,000 test images`."""
    count = assessment.evaluation.images
    split = "" if assessment.split == ALL else f" {assessment.split}"
    return f"{count:,}{split} {'image' if count == 1 else 'images'}"


def moment(time: dt.datetime) -> str:
    """Return a time in UTC as people write it: `21 November 2026, 07:14 UTC`."""
    return f"{time.day} {time:%B %Y, %H:%M} UTC"
