"""The pages' templates, with the colours and filters that all of them use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from imgrec.report.charts import DARK, LIGHT
from imgrec.rounding import percent
from imgrec.text import printable

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup


@dataclass(frozen=True)
class Choice:
    """A part of a gallery that can be shown alone.

    Attributes:
        key: Its name, and the CSS class of its items; that of the first choice, all items, is not
            used.
        label: Its title.
        count: How many items it has.
        keys: The CSS classes of its items, if they have several.
    """

    key: str
    label: str
    count: int
    keys: tuple[str, ...] = ()


@cache
def template(name: str, **filters: Callable[..., object]) -> Template:
    """Return a template that escapes all text and refuses undefined names.

    It is compiled once, which takes longer than to render it.

    Args:
        name: The name of its file.
        filters: Those of the page, besides those that all pages have.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    found = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"shown": printable, "breakable": _breakable, "percent": percent} | filters
    found.globals |= {"light": LIGHT, "dark": DARK}
    return found.get_template(name)


def style_sheet() -> str:
    """Return the style sheet that all pages have in common."""
    return template("report.css.j2").render()


def _breakable(text: str) -> Markup:
    """Return text that lines break after slashes, underscores and equals signs, if they must."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.findall(r"[^/_=]*[/_=]|[^/_=]+", printable(text)))


def _template(name: str) -> str:
    return resources.files("imgrec.report").joinpath(name).read_text(encoding="utf-8")
