"""Pictures: the curves of a training and the confusion matrix, as PNG files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics import Evaluation
from imgrec.report.figure import literal, new_figure, plain_settings, png
from imgrec.report.label_matrix import label_matrix
from imgrec.report.look import LIGHT, Look, ink_on, scale_of
from imgrec.report.wording import percent, short

_COUNTS_UP_TO = 20
_SHARES_UP_TO = 10
_NAMES_UP_TO = 100
_NAME_WIDTH = 20
_POINTS = 10.0
_LARGE_CELL = 0.55
_SMALLEST_SIDE = 2.2


@dataclass(frozen=True)
class _Grid:
    """The matrix's measures: side of a cell, of all, length of the longest label, in inches."""

    names: tuple[str, ...]
    cell: float
    side: float
    label: float
    points: float

    @classmethod
    def of(cls, classes: Sequence[str]) -> _Grid:
        """Give a cell room for its count, then for its name, then for neither."""
        count = len(classes)
        names = tuple(short(name, _NAME_WIDTH) for name in classes[:_NAMES_UP_TO])
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
    history: Mapping[str, Sequence[float]], *, best_epoch: int | None = None, look: Look = LIGHT
) -> bytes:
    """Return a PNG of loss and accuracies per epoch, training and validation.

    history: by Keras' names (`loss`, `val_loss`, `accuracy`, ...), a value per epoch.
    best_epoch: counted from 1; by default the one with the lowest validation loss.
    """
    best = best_epoch or lowest_loss_epoch(history)
    names = drawn(history)
    with plain_settings(look):
        figure = new_figure(5 * max(len(names), 1), 3.6)
        for column, name in enumerate(names, start=1):
            axes = figure.add_subplot(1, len(names), column)
            _draw_curves(axes, history, name, look)
            if best is not None:
                _mark_best(axes, history, name, best, look)
            axes.legend(loc="best")
        return png(figure)


def confusion(evaluation: Evaluation, *, look: Look = LIGHT) -> bytes:
    """Return a PNG of the confusion matrix: colours by share of the row, numbers while few.

    Where an image may have several classes, of each class's, as `label_matrix` has it.
    """
    if evaluation.multi_label:
        return label_matrix(evaluation, look=look)
    grid = _Grid.of(evaluation.classes)
    shares = evaluation.rates
    with plain_settings(look):
        figure = new_figure(grid.side + grid.label + 1.5, grid.side + grid.label + 0.6)
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap=scale_of(look), vmin=0, vmax=1, interpolation="nearest")
        _name_axes(axes, grid)
        if len(evaluation.classes) <= _COUNTS_UP_TO:
            _write_counts(axes, evaluation.confusion, shares, look)
        label = "share of the true class"
        bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=4 * grid.side, label=label)
        bar.outline.set_visible(False)
        return png(figure)


def drawn(history: Mapping[str, Sequence[float]]) -> list[str]:
    """Return the names of the loss and the accuracies, as far as there are values of them."""
    return [name for name, values in history.items() if values and _is_drawn(name)]


def lowest_loss_epoch(history: Mapping[str, Sequence[float]]) -> int | None:
    """Return the epoch, from 1, with the lowest validation loss (else training loss)."""
    losses = history.get("val_loss") or history.get("loss") or ()
    finite = [(loss, epoch) for epoch, loss in enumerate(losses, start=1) if math.isfinite(loss)]
    return min(finite)[1] if finite else None


def _is_drawn(name: str) -> bool:
    return name == "loss" or ("acc" in name and not name.startswith("val_"))


def _draw_curves(axes: Any, history: Mapping[str, Sequence[float]], name: str, look: Look) -> None:
    from matplotlib.ticker import MaxNLocator

    lines = ((name, "training", look.training), (f"val_{name}", "validation", look.validation))
    for key, label, colour in lines:
        values = history.get(key)
        if values:
            epochs = range(1, len(values) + 1)
            # A single epoch has no line to see.
            marker = "o" if len(values) == 1 else None
            axes.plot(epochs, values, color=colour, label=label, marker=marker, linewidth=1.8)
    axes.set_title(name.replace("_", " "), loc="left", fontweight="bold", parse_math=False)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(visible=True, axis="y")


def _mark_best(
    axes: Any, history: Mapping[str, Sequence[float]], name: str, best: int, look: Look
) -> None:
    values = history.get(f"val_{name}") or history[name]
    label = f"best epoch: {best}"
    axes.axvline(best, color=look.faint, linestyle="--", zorder=0)
    if best <= len(values):
        colour = look.validation if f"val_{name}" in history else look.training
        axes.plot([best], [values[best - 1]], "o", color=colour, markersize=7, label=label)


def _name_axes(axes: Any, grid: _Grid) -> None:
    remark = "" if grid.names else " (number of the class, from 0)"
    axes.set_xlabel(f"prediction{remark}")
    axes.set_ylabel(f"truth{remark}")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if not grid.names:
        return
    upright = 90 if grid.label > grid.cell else 0
    for axis, rotation in ((axes.xaxis, upright), (axes.yaxis, 0)):
        axis.set_ticks(range(len(grid.names)), grid.names, fontsize=grid.points, rotation=rotation)
        literal(axis.get_ticklabels())


def _write_counts(
    axes: Any, confusion: NDArray[np.int64], shares: NDArray[np.float64], look: Look
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
