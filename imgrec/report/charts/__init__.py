"""Charts of evaluations and trainings as PNG files."""

from imgrec.report.charts.plots import (
    class_bars,
    confusion,
    coverage_plot,
    curves,
    lowest_loss_epoch,
    plotted_metrics,
    reliability_plot,
)
from imgrec.report.charts.robustness import robustness_plot
from imgrec.report.charts.style import DARK, LIGHT, ThemedChart

__all__ = [
    "DARK",
    "LIGHT",
    "ThemedChart",
    "class_bars",
    "confusion",
    "coverage_plot",
    "curves",
    "lowest_loss_epoch",
    "plotted_metrics",
    "reliability_plot",
    "robustness_plot",
]
