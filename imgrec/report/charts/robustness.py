"""The accuracy on corrupted images, as a PNG file."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgrec.evaluation.results import Evaluation, SliceResult
from imgrec.report.charts.style import LIGHT, Layout, PlotStyle, new_figure, plain_settings, png

_WIDTH, _HEIGHT = 3.2, 3.2


def robustness_plot(
    evaluation: Evaluation, *, look: PlotStyle = LIGHT, layout: Layout | None = None
) -> bytes:
    """Return a PNG of the accuracy by the level of each corruption, with 95 % intervals.

    A dashed line is the accuracy on the unchanged images. There is at least one corruption.
    """
    by_kind: dict[str, list[SliceResult]] = {}
    for each in evaluation.corrupted:
        if each.corruption:
            by_kind.setdefault(each.corruption.kind, []).append(each)
    with plain_settings(look):
        figure = new_figure(_WIDTH * len(by_kind), _HEIGHT)
        panels = figure.subplots(1, len(by_kind), sharey=True, squeeze=False)[0]
        for axes, (kind, results) in zip(panels, by_kind.items(), strict=True):
            _draw_levels(axes, results, look)
            axes.axhline(evaluation.metrics["accuracy"].value, color=look.quiet, linestyle="--")
            axes.set_xlabel(kind)
            axes.set_ylim(0, 1.01)
            axes.grid(visible=True, axis="y")
        panels[0].set_ylabel("accuracy")
        panels[0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        return png(figure, layout)


def _draw_levels(axes: Any, results: list[SliceResult], look: PlotStyle) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    levels = [each.corruption.level for each in results if each.corruption]
    accuracies = [each.metrics["accuracy"] for each in results]
    values = np.array([each.value for each in accuracies])
    lows = np.array([each.value if each.low is None else each.low for each in accuracies])
    highs = np.array([each.value if each.high is None else each.high for each in accuracies])
    bars = values - lows, highs - values
    axes.errorbar(levels, values, yerr=bars, fmt="o", color=look.training, capsize=3)
