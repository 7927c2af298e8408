"""How metrics are called and formatted in reports."""

from __future__ import annotations

import datetime as dt

from imgrec.data.records import ALL_SPLITS
from imgrec.evaluation.error_analysis import measured_classes
from imgrec.evaluation.results import (
    Assessment,
    ClassResult,
    Evaluation,
    MetricDifference,
    MetricValue,
    SliceResult,
)
from imgrec.metrics import METRICS, format_difference, is_proportion
from imgrec.rounding import decimals, percent, percent_number
from imgrec.text import count_of, plural

ROBUSTNESS_TITLES = ("accuracy", "95 % interval", "difference", "95 % interval", "")
"""What `robustness_cells` are called."""

UNKNOWN = "–"
"""Shown in place of a number that can't be measured; a note says why."""


def interval(metric: MetricValue) -> str:
    """Return a proportion's 95 % interval as percent, nothing if it has none."""
    if metric.low is None or metric.high is None:
        return ""
    return f"{percent_number(metric.low)} to {percent_number(metric.high)} %"


def verdict_line(assessment: Assessment) -> str:
    """Return what came of the gate, the accuracy where nothing was required."""
    verdicts = assessment.verdicts
    missed = sum(not verdict.met for verdict in verdicts)
    if not verdicts:
        return f"Accuracy {percent(assessment.evaluation.metrics['accuracy'].value)}"
    of_all = f"of {count_of(len(verdicts), 'requirement')}"
    if missed:
        return f"Gate not met: {missed} {of_all} not met"
    return f"Gate met: {len(verdicts)} {of_all}"


def counted_images(assessment: Assessment) -> str:
    """Return how many images of which split were used: `1,000 test images`."""
    count = assessment.evaluation.images
    split = "" if assessment.split == ALL_SPLITS else f" {assessment.split}"
    return f"{count:,}{split} {plural('image', count)}"


def looks_fact(looks: int | None) -> tuple[tuple[str, str], ...]:
    """Return how often test images were looked at, as name and value; nothing if not counted."""
    times = "once" if looks == 1 else f"{looks:,} times" if looks else ""
    return (("test images looked at", times),) if times else ()


def moment(time: dt.datetime) -> str:
    """Return a time in UTC as people write it: `21 November 2026, 07:14 UTC`."""
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def metric_title(name: str, top_k: int) -> str:
    """Return a metric's title by its name; `top_k` is the k of `top_k_accuracy`."""
    return METRICS[name].title.format(k=top_k)


def format_bounds(name: str, metric: MetricValue) -> str:
    """Return the measure's interval, written like its value; nothing if it has none."""
    if metric.low is None or metric.high is None:
        return ""
    if is_proportion(name):
        return interval(metric)
    return f"{decimals(metric.low)} to {decimals(metric.high)}"


def format_difference_bounds(name: str, difference: MetricDifference) -> str:
    """Return the interval of a difference, written like it; nothing if it has none."""
    if difference.low is None or difference.high is None:
        return ""
    return format_difference(name, difference.low, difference.high)


def describe_finding(difference: MetricDifference) -> str:
    """Return what a difference means, in words: `equal` proves nothing for other images."""
    return "same results" if difference.finding == "equal" else difference.finding


def robustness_cells(result: SliceResult) -> tuple[str, ...]:
    """Return the accuracy on corrupted images and its difference from that on unchanged ones.

    Those are: accuracy, its interval, the difference, its interval, what it means.
    """
    accuracy, difference = result.metrics["accuracy"], result.difference
    measured = percent(accuracy.value), interval(accuracy)
    if difference is None:
        return (*measured, "", "", "")
    return (
        *measured,
        format_difference("accuracy", difference.value),
        format_difference_bounds("accuracy", difference) or UNKNOWN,
        describe_finding(difference),
    )


def is_informative(name: str, evaluation: Evaluation) -> bool:
    """Return whether a metric is worth a line: the top-k accuracy of all classes is always 1."""
    return name != "top_k_accuracy" or evaluation.top_k < len(evaluation.classes)


def class_cells(result: ClassResult) -> tuple[str, ...]:
    """Return a class's precision, recall and F1, a dash for what can't be measured."""
    found = map(result.measured, ("precision", "recall", "f1"))
    return tuple(percent(each.value) if each else UNKNOWN for each in found)


def classes_left_out(evaluation: Evaluation) -> str:
    """Return how many classes are not shown since they have no images; empty if all have some."""
    count = len(evaluation.per_class) - len(measured_classes(evaluation))
    return f"Not shown: {count_of(count, 'class')} without images" if count else ""


def decision_titles(evaluation: Evaluation) -> tuple[str, ...]:
    """Return what `decision_cells` are called: none if an image has one class."""
    return ("missed", "false positives", "threshold") if evaluation.thresholds else ()


def decision_cells(evaluation: Evaluation, name: str) -> tuple[str, ...]:
    """Return what is decided of one class; nothing if an image has one class.

    Those are its false negatives, its false positives and its threshold.
    """
    if evaluation.thresholds is None:
        return ()
    index = evaluation.classes.index(name)
    (_, wrong), (missed, _) = evaluation.confusion[index]
    return f"{missed:,}", f"{wrong:,}", decimals(evaluation.thresholds[index], 3)
