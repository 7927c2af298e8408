"""What is decided of each class where an image may have several, as a PNG file."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgrec.evaluation.metrics import Evaluation
from imgrec.evaluation.worst import all_or_worst_classes
from imgrec.report.figure import literal, new_figure, plain_settings, png
from imgrec.report.look import Look, ink_on, scale_of
from imgrec.report.wording import percent, short

_MOST_CLASSES = 20
_NAME_WIDTH = 20
_COLUMNS = ("has it:\nfound", "has it:\nmissed", "lacks it:\nsaid", "lacks it:\nnot said")


def label_matrix(evaluation: Evaluation, *, look: Look) -> bytes:
    """Return a PNG with a row for each class, the four counts of its confusion matrix.

    Each is also told as its share of the images that have the class, or of those that lack it,
    and coloured by that. Of more than 20 classes, those of the 20 with the lowest F1.
    """
    results = all_or_worst_classes(evaluation, _MOST_CLASSES)
    names = [result.name for result in results]
    rows = [evaluation.classes.index(name) for name in names]
    # From the last to the first, truth and answer: with the class before without it.
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
        return png(figure)


def _name_axes(axes: Any, names: list[str]) -> None:
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xticks(range(len(_COLUMNS)), _COLUMNS, fontsize=9)
    axes.set_yticks(range(len(names)), [short(name, _NAME_WIDTH) for name in names])
    literal(axes.get_yticklabels())
    for spine in axes.spines.values():
        spine.set_visible(False)


def _write(axes: Any, row: int, column: int, count: str, share: float, look: Look) -> None:
    text = f"{count}\n{percent(share)}" if np.isfinite(share) else count
    axes.text(column, row, text, ha="center", va="center", color=ink_on(look, share), size=9)
