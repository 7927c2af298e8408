"""What the measures of an evaluation are called, and how their numbers are written."""

from __future__ import annotations

from imgrec.evaluation.metrics import Evaluation, Metric
from imgrec.report.wording import interval, percent

_TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "hamming_loss": "Hamming loss",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "weighted_f1": "Weighted F1",
    "samples_f1": "F1 per image",
    "roc_auc": "ROC-AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "ece": "Calibration error",
    "answered": "Answered",
    "answered_accuracy": "Accuracy of answers",
}
_PROPORTIONS = {
    "accuracy",
    "top_k_accuracy",
    "balanced_accuracy",
    "macro_f1",
    "micro_f1",
    "weighted_f1",
    "samples_f1",
    "answered",
    "answered_accuracy",
}


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


def says_something(name: str, evaluation: Evaluation) -> bool:
    """Say whether a measure is worth a line: not the top-k accuracy of all classes, always 1."""
    return name != "top_k_accuracy" or evaluation.top_k < len(evaluation.classes)


def decision_titles(evaluation: Evaluation) -> tuple[str, ...]:
    """Return what `decision_cells` are called: none where an image has one class."""
    return ("missed", "wrongly said", "threshold") if evaluation.thresholds else ()


def decision_cells(evaluation: Evaluation, name: str) -> tuple[str, ...]:
    """Return what is decided of one class; nothing where an image has one class.

    That is how many images with it were not said to have it, how many without it were, and the
    threshold.
    """
    if evaluation.thresholds is None:
        return ()
    index = evaluation.classes.index(name)
    (_, wrong), (missed, _) = evaluation.confusion[index]
    return f"{missed:,}", f"{wrong:,}", f"{evaluation.thresholds[index]:.3f}"
