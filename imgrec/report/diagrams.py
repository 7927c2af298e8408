"""Pictures of what an evaluation found: classes, reliability and coverage, as PNG files."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgrec.evaluation.metrics import ClassResult, Evaluation, Metric, ReliabilityBin
from imgrec.evaluation.worst import all_or_worst_classes
from imgrec.report.figure import literal, new_figure, plain_settings, png
from imgrec.report.look import LIGHT, Look
from imgrec.report.wording import percent, short

_MOST_CLASSES = 20
_NAME_WIDTH = 20
_WIDTH = 5.0
_BAR = 0.38


def class_bars(evaluation: Evaluation, *, look: Look = LIGHT) -> bytes:
    """Return a PNG of each class's precision and recall, with their intervals.

    Of more than 20 classes, the 20 with the lowest F1.
    """
    results = all_or_worst_classes(evaluation, _MOST_CLASSES)
    with plain_settings(look):
        figure = new_figure(_WIDTH, 1.1 + 0.42 * len(results))
        axes = figure.add_subplot()
        rows = np.arange(len(results))
        _draw_bars(axes, rows - _BAR / 2, [each.precision for each in results], "precision", look)
        _draw_bars(axes, rows + _BAR / 2, [each.recall for each in results], "recall", look)
        _name_rows(axes, results)
        _percent(axes.xaxis)
        axes.set_xlim(0, 1)
        figure.legend(loc="outside upper right", ncols=2)
        return png(figure)


def reliability(evaluation: Evaluation, *, look: Look = LIGHT) -> bytes:
    """Return a PNG of accuracy against confidence, and of how many answers have which."""
    bins = [each for each in evaluation.reliability if each.images]
    several = evaluation.multi_label
    with plain_settings(look):
        figure = new_figure(_WIDTH, 5)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _draw_bins(above, bins, "share that has the class" if several else "accuracy", look)
        above.set_ylabel("share" if several else "accuracy")
        above.set_ylim(0, 1.01)
        above.grid(visible=True, axis="y")
        above.set_axisbelow(True)
        figure.legend(loc="outside upper right", ncols=2)
        _draw_shares(below, bins, look)
        below.set_xlabel("probability of a class" if several else "highest probability")
        below.set_ylabel("answers" if several else "images")
        for axis in (above.yaxis, below.yaxis, below.xaxis):
            _percent(axis)
        below.set_xlim(0, 1)
        return png(figure)


def coverage(evaluation: Evaluation, *, look: Look = LIGHT) -> bytes:
    """Return a PNG of the accuracy of the surest images against their share of all.

    Where the model may say "unknown", a point tells what it answers.
    Raises ValueError where images may have several classes: there is no one answer to be sure of.
    """
    curve = evaluation.coverage
    if curve is None:
        raise ValueError("there is no coverage")
    with plain_settings(look):
        figure = new_figure(_WIDTH, 3.6)
        axes = figure.add_subplot()
        # A single point has no line to see.
        marker = "o" if len(curve.coverage) == 1 else None
        axes.plot(curve.coverage, curve.accuracy, color=look.training, linewidth=1.8, marker=marker)
        lowest = min(float(curve.accuracy.min()), _mark_limits(figure, axes, evaluation, look))
        axes.set_xlabel("share of the images that is answered, the surest first")
        axes.set_ylabel("accuracy")
        axes.set_xlim(0, 1.01)
        axes.set_ylim(min(lowest, 0.9) - 0.02, 1.01)
        axes.grid(visible=True)
        for axis in (axes.xaxis, axes.yaxis):
            _percent(axis)
        return png(figure)


def _mark_limits(figure: Any, axes: Any, evaluation: Evaluation, look: Look) -> float:
    """Mark where the model's own limits put it; return its accuracy there, 1 where it has none."""
    share, accuracy = (evaluation.metrics.get(each) for each in ("answered", "answered_accuracy"))
    if share is None or accuracy is None:
        return 1.0
    style: dict[str, Any] = {"color": look.validation, "markersize": 9, "clip_on": False}
    label = f"this model answers {percent(share.value)}"
    axes.plot([share.value], [accuracy.value], "o", label=label, **style)
    figure.legend(loc="outside upper right")
    return accuracy.value


def _draw_bars(axes: Any, rows: Any, metrics: list[Metric], label: str, look: Look) -> None:
    colour = look.training if label == "precision" else look.validation
    values = np.array([metric.value for metric in metrics])
    lows = np.array([metric.value if metric.low is None else metric.low for metric in metrics])
    highs = np.array([metric.value if metric.high is None else metric.high for metric in metrics])
    axes.barh(rows, values, _BAR, color=colour, label=label)
    axes.errorbar(
        values, rows, xerr=(values - lows, highs - values), fmt="none", ecolor=look.ink, capsize=2
    )


def _name_rows(axes: Any, results: tuple[ClassResult, ...]) -> None:
    names = [short(each.name, _NAME_WIDTH) for each in results]
    axes.set_yticks(range(len(names)), names)
    literal(axes.get_yticklabels())
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)


def _draw_bins(axes: Any, bins: list[ReliabilityBin], what: str, look: Look) -> None:
    starts = [each.low for each in bins]
    widths = [each.high - each.low for each in bins]
    style: dict[str, Any] = {"align": "edge", "edgecolor": look.paper}
    accuracies = [each.accuracy for each in bins]
    axes.bar(starts, accuracies, widths, color=look.training, label=what, **style)
    confidences = [each.confidence for each in bins]
    ends = [each.high for each in bins]
    label = "mean probability"
    axes.hlines(confidences, starts, ends, color=look.validation, linewidth=2.5, label=label)


def _draw_shares(axes: Any, bins: list[ReliabilityBin], look: Look) -> None:
    widths = [each.high - each.low for each in bins]
    answers = sum(each.images for each in bins)
    shares = [each.images / answers for each in bins]
    starts = [each.low for each in bins]
    axes.bar(starts, shares, widths, align="edge", color=look.quiet, edgecolor=look.paper)


def _percent(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))
