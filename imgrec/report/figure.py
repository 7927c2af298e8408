"""Figures that look the same everywhere: no display, no shared state, no settings of the user's."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imgrec.report.look import Look

_DOTS_PER_INCH = 110

# DejaVu Sans comes with matplotlib; the others, where installed, have what it lacks.
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Arial Unicode MS",
    "Microsoft YaHei",
    "Malgun Gothic",
)


@contextmanager
def plain_settings(look: Look) -> Iterator[None]:
    """Draw inside with matplotlib's own settings and the colours of `look`.

    A matplotlibrc could ask for LaTeX, which would run the names of classes as programs.
    """
    import matplotlib as mpl

    # What it says of fonts, on stderr, is nothing the user asked.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with mpl.rc_context(), warnings.catch_warnings():
        # A character no font has becomes a box; nobody can do anything about it here.
        warnings.filterwarnings("ignore", message="Glyph")
        mpl.rcdefaults()
        mpl.rcParams.update(_settings(look))
        yield


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of `width` by `height` inches that `png` can save."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png(figure: Any) -> bytes:
    """Return the figure as a PNG file."""
    content = io.BytesIO()
    # Tight, since the layout alone cuts the label beside a picture of fixed shape.
    figure.savefig(
        content, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.1
    )
    return content.getvalue()


def literal(texts: Sequence[Any]) -> None:
    """Let matplotlib's `texts` be drawn as they stand: `$x$` is a name here, no formula."""
    for text in texts:
        text.set_parse_math(False)


def _settings(look: Look) -> dict[str, object]:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return {
        "font.family": [font for font in _FONTS if font in installed],
        "figure.facecolor": look.paper,
        "axes.facecolor": look.paper,
        "axes.edgecolor": look.faint,
        "axes.labelcolor": look.ink,
        "axes.titlecolor": look.ink,
        "grid.color": look.faint,
        "text.color": look.ink,
        "xtick.color": look.ink,
        "ytick.color": look.ink,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 10,
    }
