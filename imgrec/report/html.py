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
from imgrec.report.look import DARK, LIGHT
from imgrec.report.measures import bounds, difference, is_proportion, number, title
from imgrec.report.thumbnail import data_uri
from imgrec.report.wording import counted_images, interval, moment, percent, verdict_line
from imgrec.text import shown

if TYPE_CHECKING:
    from jinja2 import Environment

# A browser lays out some thousand rows at once; a folder may have a million bad files.
_ROWS = 1000
_FLIPS = 50
# From so many classes on, a matrix is wider than the page.
_LARGE = 20


def page(assessment: Assessment, background: Background | None = None) -> str:
    """Return the page; without a background it has the evaluation alone."""
    background = background or Background()
    environment = _environment()
    environment.globals |= {"top_k": assessment.evaluation.top_k, "pictures": background.pictures}
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
        plots=tuple(_plots(assessment.evaluation)),
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


def _plots(evaluation: Evaluation) -> Iterator[_Plot]:
    yield _plot(
        partial(plots.confusion, evaluation),
        "Confusion matrix: rows are the truth, columns the prediction",
        large=len(evaluation.classes) > _LARGE,
    )


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
        "light": LIGHT,
        "dark": DARK,
        "title": title,
        "number": number,
        "bounds": bounds,
        "difference": difference,
        "is_proportion": is_proportion,
    }
    return environment


def _file(name: str) -> str:
    return resources.files("imgrec.report").joinpath(name).read_text(encoding="utf-8")
