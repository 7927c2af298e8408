"""A report as one web page that holds everything it shows and asks the network nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

from imgrec.evaluation.assessment import Assessment
from imgrec.evaluation.metrics import Evaluation
from imgrec.evaluation.worst import worst_classes
from imgrec.report import plots
from imgrec.report.background import Background, mistakes
from imgrec.report.diagrams import class_bars, coverage, reliability
from imgrec.report.look import DARK, LIGHT
from imgrec.report.measures import (
    bounds,
    decision_cells,
    decision_titles,
    difference,
    is_proportion,
    number,
    says_something,
    title,
)
from imgrec.report.thumbnail import data_uri
from imgrec.report.wording import (
    counted_images,
    interval,
    moment,
    percent,
    verdict_line,
)
from imgrec.text import shown

if TYPE_CHECKING:
    from jinja2 import Environment

# A browser lays out some thousand rows at once; a folder may have a million bad files.
_ROWS = 1000
_FLIPS = 50
# Above so many classes, a matrix is wider than the page, and bars are those of the worst.
_LARGE = 20


def page(assessment: Assessment, background: Background | None = None) -> str:
    """Return the page; without a background it has the evaluation alone."""
    background = background or Background()
    environment = _environment()
    environment.globals |= {"top_k": assessment.evaluation.top_k, "pictures": background.pictures}
    environment.globals["heat_maps"] = background.heat_maps
    return environment.from_string(_file("report.html.j2")).render(
        style=environment.from_string(_file("report.css.j2")).render(),
        assessment=assessment,
        evaluation=assessment.evaluation,
        background=background,
        mistakes=mistakes(assessment),
        headline=verdict_line(assessment),
        images=counted_images(assessment),
        classes=worst_classes(assessment.evaluation, _ROWS)
        if len(assessment.evaluation.classes) > _ROWS
        else assessment.evaluation.per_class,
        curves=tuple(_curves(background)),
        of_classes=tuple(_of_classes(assessment.evaluation)),
        of_confidence=tuple(_of_confidence(assessment.evaluation)),
        rows=_ROWS,
        flips=_FLIPS,
    )


@dataclass(frozen=True)
class _Plot:
    """One plot on light and on dark paper, as data URIs, and what can be seen on it."""

    light: str
    dark: str
    text: str
    large: bool = False


def _curves(background: Background) -> Iterator[_Plot]:
    history = background.history
    best = background.best_epoch or plots.lowest_loss_epoch(history)
    for name in plots.drawn(history):
        of_one = {key: history[key] for key in (name, f"val_{name}") if key in history}
        text = f"{name.replace('_', ' ')} after each epoch, training and validation"
        yield _plot(partial(plots.curves, of_one, best_epoch=best), text)


def _of_classes(evaluation: Evaluation) -> Iterator[_Plot]:
    large = len(evaluation.classes) > _LARGE
    which = f"the {_LARGE} classes with the lowest F1" if large else "each class"
    text = "Confusion matrix: rows are the truth, columns the prediction"
    if evaluation.multi_label:
        text = f"Confusion of {which}: how many images that have it are found or missed, and how "
        text += "many that lack it are said to have it or not"
    drawn_large = large and not evaluation.multi_label
    yield _plot(partial(plots.confusion, evaluation), text, large=drawn_large)
    yield _plot(partial(class_bars, evaluation), f"Precision and recall of {which}")


def _of_confidence(evaluation: Evaluation) -> Iterator[_Plot]:
    text = "Reliability: how often answers of each probability are right, and how many there are"
    yield _plot(partial(reliability, evaluation), text)
    if evaluation.coverage is not None:
        text = "Coverage: how often the surest answers are right, by their share of all"
        yield _plot(partial(coverage, evaluation), text)


def _plot(draw: Callable[..., bytes], text: str, *, large: bool = False) -> _Plot:
    light, dark = (data_uri(draw(look=look), "png") for look in (LIGHT, DARK))
    return _Plot(light, dark, text, large)


def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "shown": shown,
        "percent": percent,
        "interval": interval,
        "moment": moment,
    }
    environment.globals |= {
        "decision_cells": decision_cells,
        "decision_titles": decision_titles,
        "light": LIGHT,
        "dark": DARK,
        "title": title,
        "number": number,
        "bounds": bounds,
        "difference": difference,
        "is_proportion": is_proportion,
        "says_something": says_something,
    }
    return environment


def _file(name: str) -> str:
    return resources.files("imgrec.report").joinpath(name).read_text(encoding="utf-8")
