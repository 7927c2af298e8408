"""A run's report: one web page that holds everything it shows and asks the network nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from imgrec.evaluation.metrics import Evaluation
from imgrec.evaluation.worst import most_confused
from imgrec.report.look import DARK, LIGHT, Look
from imgrec.report.plots import confusion, curves
from imgrec.report.wording import interval, percent
from imgrec.text import shown

if TYPE_CHECKING:
    from jinja2 import Template

_PAIRS = 10


def report(
    title: str,
    evaluation: Evaluation,
    history: Mapping[str, Sequence[float]],
    config_text: str,
    facts: Sequence[tuple[str, str]],
    *,
    best_epoch: int | None = None,
) -> str:
    """Return the page.

    history: as for `plots.curves`; without an epoch the page has no curves.
    config_text: shown as it is, line by line.
    facts: what else to say of the run, name and value, in this order.
    """
    return _template().render(
        title=title,
        evaluation=evaluation,
        facts=facts,
        config_lines=config_text.splitlines(),
        pairs=most_confused(evaluation, _PAIRS),
        curves=_picture(lambda look: curves(history, best_epoch=best_epoch, look=look))
        if any(history.values())
        else None,
        confusion=_picture(lambda look: confusion(evaluation, look=look)),
    )


@dataclass(frozen=True)
class _Picture:
    """One picture on light and on dark paper, as data URIs."""

    light: str
    dark: str


def _picture(draw: Callable[[Look], bytes]) -> _Picture:
    return _Picture(light=_data_uri(draw(LIGHT)), dark=_data_uri(draw(DARK)))


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shown": shown, "percent": percent, "interval": interval}
    environment.globals |= {"light": LIGHT, "dark": DARK}
    source = resources.files("imgrec.report").joinpath("report.html.j2")
    return environment.from_string(source.read_text(encoding="utf-8"))
