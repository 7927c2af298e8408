"""Plots as PNG files: training curves, confusion, metrics of classes, reliability, coverage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.error_analysis import all_or_worst_classes, measured_classes
from imgrec.evaluation.results import ClassResult, Evaluation, MetricValue, ReliabilityBin
from imgrec.report.charts.style import (
    LIGHT,
    Layout,
    PlotStyle,
    ink_on,
    literal,
    new_figure,
    plain_settings,
    png,
    scale_of,
)
from imgrec.report.wording import UNKNOWN
from imgrec.rounding import percent
from imgrec.text import shorten_names

_MOST_CLASSES = 20
_NAME_WIDTH = 20
_COLUMNS = ("has it:\nfound", "has it:\nmissed", "lacks it:\nsaid", "lacks it:\nnot said")


def label_matrix(evaluation: Evaluation, *, look: PlotStyle, layout: Layout | None = None) -> bytes:
    """Return a PNG with a row for each class: the four counts of its confusion matrix.

    Each is also given, and coloured, as a fraction of the images that have the class or don't have
    it. With more than 20 classes, it shows the 20 with the lowest F1.
    """
    results = all_or_worst_classes(evaluation, _MOST_CLASSES)
    names = [result.name for result in results]
    rows = [evaluation.classes.index(name) for name in names]
    # Reversed, so that having the class comes before not having it.
    counts, shares = (
        each[rows, ::-1, ::-1].reshape(len(rows), len(_COLUMNS))
        for each in (evaluation.confusion, evaluation.rates)
    )
    with plain_settings(look):
        figure = new_figure(4.8, 0.8 + 0.5 * len(names))
        axes = figure.add_subplot()
        axes.imshow(shares, cmap=scale_of(look), vmin=0, vmax=1, aspect="auto")
        axes.axvline(1.5, color=look.paper, linewidth=6)
        _name_axes(axes, names)
        for (row, column), count in np.ndenumerate(counts):
            _write(axes, row, column, f"{count:,}", float(shares[row, column]), look)
        return png(figure, layout)


def _name_axes(axes: Any, names: list[str]) -> None:
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xticks(range(len(_COLUMNS)), _COLUMNS, fontsize=9)
    axes.set_yticks(range(len(names)), shorten_names(names, _NAME_WIDTH))
    literal(axes.get_yticklabels())
    for spine in axes.spines.values():
        spine.set_visible(False)


def _write(axes: Any, row: int, column: int, count: str, share: float, look: PlotStyle) -> None:
    text = f"{count}\n{percent(share)}" if np.isfinite(share) else count
    axes.text(column, row, text, ha="center", va="center", color=ink_on(look, share), size=9)


_OTHERS = "(other classes)"
_COUNTS_UP_TO = 20
_SHARES_UP_TO = 10
_NAMES_UP_TO = 100

_POINTS = 10.0
_LARGE_CELL = 0.55
_SMALLEST_SIDE = 2.2


@dataclass(frozen=True)
class _Grid:
    """The sizes of the matrix in inches: side of a cell, of all cells, longest label."""

    names: tuple[str, ...]
    cell: float
    side: float
    label: float
    points: float

    @classmethod
    def of(cls, columns: Sequence[str]) -> _Grid:
        """Return sizes with room for count and name, for the count only, or for neither."""
        count = len(columns)
        names = shorten_names(columns[:_NAMES_UP_TO], _NAME_WIDTH)
        if count <= _COUNTS_UP_TO:
            cell = max(_LARGE_CELL, _SMALLEST_SIDE / count)
        elif count <= _NAMES_UP_TO:
            cell = max(0.13, 8 / count)
        else:
            names, cell = (), 10 / count
        points = min(_POINTS, 50 * cell)
        label = max(map(len, names), default=0) * 0.62 * points / 72
        return cls(names, cell, cell * count, label, points)


def curves(
    history: Mapping[str, Sequence[float]],
    *,
    best_epoch: int | None = None,
    look: PlotStyle = LIGHT,
    layout: Layout | None = None,
) -> bytes:
    """Return a PNG of loss and accuracies per epoch, for training and validation.

    Args:
        history: Name in Keras (`loss`, `val_loss`, `accuracy`, ...) -> one value per epoch.
        best_epoch: Counted from 1; by default the one with the lowest validation loss.
        look: The colours.
        layout: The one of the same figure in other colours.
    """
    best = best_epoch or lowest_loss_epoch(history)
    names = plotted_metrics(history)
    with plain_settings(look):
        figure = new_figure(5 * max(len(names), 1), 3.6)
        for column, name in enumerate(names, start=1):
            axes = figure.add_subplot(1, len(names), column)
            _draw_curves(axes, history, name, look)
            if best is not None:
                _mark_best(axes, history, name, best, look)
            axes.legend(loc="best")
        return png(figure, layout)


def confusion(
    evaluation: Evaluation, *, look: PlotStyle = LIGHT, layout: Layout | None = None
) -> bytes:
    """Return a PNG of the confusion matrix, coloured by row fraction, with numbers if they fit.

    Classes without images have no row; predictions of them are together in the last column. With
    several labels per image, it is the one of `label_matrix`.
    """
    if evaluation.multi_label:
        return label_matrix(evaluation, look=look, layout=layout)
    names, counts = _of_measured(evaluation)
    grid = _Grid.of(names)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    height = grid.cell * len(counts)
    with plain_settings(look):
        figure = new_figure(grid.side + grid.label + 1.5, height + grid.label + 0.6)
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap=scale_of(look), vmin=0, vmax=1, interpolation="nearest")
        _name_axes_plots(axes, grid, len(counts), of_all=len(counts) == len(evaluation.classes))
        if len(counts) <= _COUNTS_UP_TO:
            _write_counts(axes, counts, shares, look)
        label = "fraction of the true class"
        bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=4 * height, label=label)
        bar.outline.set_visible(False)
        return png(figure, layout)


def _of_measured(evaluation: Evaluation) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of the columns, and the counts, int64 (classes with images, columns)."""
    names = [result.name for result in measured_classes(evaluation)]
    numbers = {name: number for number, name in enumerate(evaluation.classes)}
    at = [numbers[name] for name in names]
    counts = evaluation.confusion[np.ix_(at, at)]
    others = evaluation.confusion[at].sum(axis=1) - counts.sum(axis=1)
    if not others.any():
        return names, counts
    return [*names, _OTHERS], np.column_stack([counts, others])


def plotted_metrics(history: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the names of the loss and the accuracies that have values."""
    return [name for name, values in history.items() if values and _is_drawn(name)]


def lowest_loss_epoch(history: Mapping[str, Sequence[float]]) -> int | None:
    """Return the epoch, from 1, with the lowest validation loss (else training loss)."""
    losses = history.get("val_loss") or history.get("loss") or ()
    finite = [(loss, epoch) for epoch, loss in enumerate(losses, start=1) if math.isfinite(loss)]
    return min(finite)[1] if finite else None


def _is_drawn(name: str) -> bool:
    return name == "loss" or ("acc" in name and not name.startswith("val_"))


def _draw_curves(
    axes: Any, history: Mapping[str, Sequence[float]], name: str, look: PlotStyle
) -> None:
    from matplotlib.ticker import MaxNLocator

    lines = ((name, "training", look.training), (f"val_{name}", "validation", look.validation))
    for key, label, colour in lines:
        values = history.get(key)
        if values:
            epochs = range(1, len(values) + 1)
            # A line of a single epoch would be invisible.
            marker = "o" if len(values) == 1 else None
            axes.plot(epochs, values, color=colour, label=label, marker=marker, linewidth=1.8)
    axes.set_title(name.replace("_", " "), loc="left", fontweight="bold", parse_math=False)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(visible=True, axis="y")


def _mark_best(
    axes: Any, history: Mapping[str, Sequence[float]], name: str, best: int, look: PlotStyle
) -> None:
    values = history.get(f"val_{name}") or history[name]
    label = f"best epoch: {best}"
    axes.axvline(best, color=look.faint, linestyle="--", zorder=0)
    if best <= len(values):
        colour = look.validation if f"val_{name}" in history else look.training
        axes.plot([best], [values[best - 1]], "o", color=colour, markersize=7, label=label)


def _name_axes_plots(axes: Any, grid: _Grid, rows: int, *, of_all: bool) -> None:
    which = "class" if of_all else "class with images"
    remark = "" if grid.names else f" (number of the {which}, from 0)"
    axes.set_xlabel(f"prediction{remark}")
    axes.set_ylabel(f"truth{remark}")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if not grid.names:
        return
    upright = 90 if grid.label > grid.cell else 0
    for axis, names, rotation in (
        (axes.xaxis, grid.names, upright),
        (axes.yaxis, grid.names[:rows], 0),
    ):
        axis.set_ticks(range(len(names)), names, fontsize=grid.points, rotation=rotation)
        literal(axis.get_ticklabels())


def _write_counts(
    axes: Any, confusion: NDArray[np.int64], shares: NDArray[np.float64], look: PlotStyle
) -> None:
    with_shares = len(confusion) <= _SHARES_UP_TO
    longest = max(len(str(confusion.max())), len(percent(1)) if with_shares else 0)
    size = min(_POINTS, 110 * _LARGE_CELL / longest)
    for (row, column), count in np.ndenumerate(confusion):
        if count or row == column:
            share = float(shares[row, column])
            text = f"{count}\n{percent(share)}" if with_shares and np.isfinite(share) else count
            colour = ink_on(look, share)
            axes.text(column, row, text, ha="center", va="center", color=colour, size=size)


_WIDTH = 5.0
_BAR = 0.38


def class_bars(
    evaluation: Evaluation, *, look: PlotStyle = LIGHT, layout: Layout | None = None
) -> bytes:
    """Return a PNG of each class's precision and recall, with intervals.

    With more than 20 classes, it shows the 20 with the lowest F1.
    """
    results = all_or_worst_classes(evaluation, _MOST_CLASSES)
    with plain_settings(look):
        figure = new_figure(_WIDTH, 1.1 + 0.42 * len(results))
        axes = figure.add_subplot()
        rows = np.arange(len(results))
        _draw_bars(axes, rows - _BAR / 2, results, "precision", look)
        _draw_bars(axes, rows + _BAR / 2, results, "recall", look)
        _name_rows(axes, results)
        _percent(axes.xaxis)
        axes.set_xlim(0, 1)
        figure.legend(loc="outside upper right", ncols=2)
        return png(figure, layout)


def reliability_plot(
    evaluation: Evaluation, *, look: PlotStyle = LIGHT, layout: Layout | None = None
) -> bytes:
    """Return a PNG of accuracy by confidence, and of the distribution of confidence."""
    bins = [each for each in evaluation.reliability if each.images]
    several = evaluation.multi_label
    with plain_settings(look):
        figure = new_figure(_WIDTH, 5)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _draw_bins(above, bins, "fraction with the class" if several else "accuracy", look)
        above.set_ylabel("fraction" if several else "accuracy")
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
        return png(figure, layout)


def coverage_plot(
    evaluation: Evaluation, *, look: PlotStyle = LIGHT, layout: Layout | None = None
) -> bytes:
    """Return a PNG of the accuracy of the most confident answers by coverage.

    For a model with selective prediction, a point marks its coverage.

    Raises:
        ValueError: The images have several labels each.
    """
    curve = evaluation.coverage_curve
    if curve is None:
        raise ValueError("there is no coverage curve")
    with plain_settings(look):
        figure = new_figure(_WIDTH, 3.6)
        axes = figure.add_subplot()
        # A line of a single point would be invisible.
        marker = "o" if len(curve.coverage) == 1 else None
        axes.plot(curve.coverage, curve.accuracy, color=look.training, linewidth=1.8, marker=marker)
        lowest = min(float(curve.accuracy.min()), _mark_limits(figure, axes, evaluation, look))
        axes.set_xlabel("coverage (most confident images first)")
        axes.set_ylabel("accuracy")
        axes.set_xlim(0, 1.01)
        axes.set_ylim(min(lowest, 0.9) - 0.02, 1.01)
        axes.grid(visible=True)
        for axis in (axes.xaxis, axes.yaxis):
            _percent(axis)
        return png(figure, layout)


def _mark_limits(figure: Any, axes: Any, evaluation: Evaluation, look: PlotStyle) -> float:
    """Mark the coverage of the model; return its accuracy there, 1 without selective prediction."""
    share, accuracy = (evaluation.metrics.get(each) for each in ("coverage", "selective_accuracy"))
    if share is None or accuracy is None:
        return 1.0
    style: dict[str, Any] = {"color": look.validation, "markersize": 9, "clip_on": False}
    label = f"this model answers {percent(share.value)}"
    axes.plot([share.value], [accuracy.value], "o", label=label, **style)
    figure.legend(loc="outside upper right")
    return accuracy.value


def _draw_bars(
    axes: Any, rows: Any, results: tuple[ClassResult, ...], name: str, look: PlotStyle
) -> None:
    colour = look.training if name == "precision" else look.validation
    measured = [each.measured(name) for each in results]
    for row in (row for row, metric in zip(rows, measured, strict=True) if metric is None):
        axes.text(0.01, row, UNKNOWN, va="center", color=colour)
    metrics = [metric or MetricValue(math.nan) for metric in measured]
    values = np.array([metric.value for metric in metrics])
    lows = np.array([metric.value if metric.low is None else metric.low for metric in metrics])
    highs = np.array([metric.value if metric.high is None else metric.high for metric in metrics])
    axes.barh(rows, values, _BAR, color=colour, label=name)
    axes.errorbar(
        values, rows, xerr=(values - lows, highs - values), fmt="none", ecolor=look.ink, capsize=2
    )


def _name_rows(axes: Any, results: tuple[ClassResult, ...]) -> None:
    names = shorten_names([each.name for each in results], _NAME_WIDTH)
    axes.set_yticks(range(len(names)), names)
    literal(axes.get_yticklabels())
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)


def _draw_bins(axes: Any, bins: list[ReliabilityBin], what: str, look: PlotStyle) -> None:
    starts = [each.low for each in bins]
    widths = [each.high - each.low for each in bins]
    style: dict[str, Any] = {"align": "edge", "edgecolor": look.paper}
    accuracies = [each.accuracy for each in bins]
    axes.bar(starts, accuracies, widths, color=look.training, label=what, **style)
    confidences = [each.confidence for each in bins]
    ends = [each.high for each in bins]
    label = "mean probability"
    axes.hlines(confidences, starts, ends, color=look.validation, linewidth=2.5, label=label)


def _draw_shares(axes: Any, bins: list[ReliabilityBin], look: PlotStyle) -> None:
    widths = [each.high - each.low for each in bins]
    answers = sum(each.images for each in bins)
    shares = [each.images / answers for each in bins]
    starts = [each.low for each in bins]
    axes.bar(starts, shares, widths, align="edge", color=look.quiet, edgecolor=look.paper)


def _percent(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))
