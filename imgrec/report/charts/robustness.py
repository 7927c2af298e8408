"""The accuracy on images with one kind of corruption, as a PNG file."""

from __future__ import annotations

import numpy as np

from imgrec.corruption import CorruptionKind
from imgrec.evaluation.results import Evaluation
from imgrec.report.charts.style import LIGHT, Layout, PlotStyle, new_figure, plain_settings, png

_WIDTH, _HEIGHT = 4, 3


def robustness_plot(
    evaluation: Evaluation,
    kind: CorruptionKind,
    *,
    look: PlotStyle = LIGHT,
    layout: Layout | None = None,
) -> bytes:
    """Return a PNG of the accuracy by the level of a corruption, with 95 % intervals.

    The levels have equal distances. A dashed line is the accuracy on the unchanged images.
    """
    by_level = {
        each.corruption.level: each.metrics["accuracy"]
        for each in evaluation.corrupted
        if each.corruption and each.corruption.kind == kind
    }
    levels = sorted(by_level)
    accuracies = [by_level[level] for level in levels]
    values = np.array([each.value for each in accuracies])
    lows = np.array([each.value if each.low is None else each.low for each in accuracies])
    highs = np.array([each.value if each.high is None else each.high for each in accuracies])
    with plain_settings(look):
        figure = new_figure(_WIDTH, _HEIGHT)
        axes = figure.add_subplot()
        bars = values - lows, highs - values
        axes.errorbar(
            range(len(levels)), values, yerr=bars, fmt="o", color=look.training, capsize=3
        )
        axes.axhline(evaluation.metrics["accuracy"].value, color=look.quiet, linestyle="--")
        axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
        axes.set_xlim(-0.5, len(levels) - 0.5)
        axes.set_xlabel(kind)
        axes.set_ylim(0, 1.01)
        axes.set_ylabel("accuracy")
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.grid(visible=True, axis="y")
        return png(figure, layout)
