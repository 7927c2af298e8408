"""The colours, fonts and settings of charts."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

_WEIGHTS = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class PlotStyle:
    """Colours, in a format that matplotlib and CSS both accept.

    Attributes include `scale`, from none to all; `quiet`, of secondary text; `good` and `bad`, of
    verdicts, which are distinguishable with colour blindness.
    """

    paper: str
    ink: str
    faint: str
    quiet: str
    training: str
    validation: str
    scale: tuple[str, str, str]
    ink_on_full: str
    good: str
    bad: str


LIGHT = PlotStyle(
    paper="#ffffff",
    ink="#1d2733",
    faint="#d5dbe3",
    quiet="#566373",
    training="#2369b0",
    validation="#c4561b",
    scale=("#f7f9fc", "#7fb0dd", "#12508f"),
    ink_on_full="#ffffff",
    good="#0b6e5f",
    bad="#b03a0f",
)

DARK = PlotStyle(
    paper="#171b21",
    ink="#dfe5ec",
    faint="#3a424d",
    quiet="#a3afbd",
    training="#6db1f2",
    validation="#f0925a",
    scale=("#1d232b", "#2f6ca6", "#a9d4ff"),
    ink_on_full="#0d1218",
    good="#5fd0b5",
    bad="#ff9e70",
)


@cache
def scale_of(look: PlotStyle) -> Any:
    """Return a colour map of fractions, 0 to 1; NaN has the background colour."""
    from matplotlib.colors import LinearSegmentedColormap

    scale = LinearSegmentedColormap.from_list("share", look.scale)
    return scale.with_extremes(bad=look.paper)


def ink_on(look: PlotStyle, share: float) -> str:
    """Return the text colour with the better contrast on the colour of a fraction or NaN."""
    if not math.isfinite(share):
        return look.ink
    ground = scale_of(look)(share)
    return max((look.ink, look.ink_on_full), key=lambda ink: contrast(ink, ground))


def contrast(one: Any, other: Any) -> float:
    """Return the WCAG 2 contrast ratio of two matplotlib colours, 1 to 21."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Any) -> float:
    """Return the WCAG relative luminance, 0 to 1."""
    from matplotlib.colors import to_rgb

    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in to_rgb(colour)
    ]
    return sum(weight * each for weight, each in zip(_WEIGHTS, linear, strict=True))


_DOTS_PER_INCH = 110

# DejaVu Sans comes with matplotlib; the others, if installed, have scripts that it lacks.
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
def plain_settings(look: PlotStyle) -> Iterator[None]:
    """Use matplotlib's default settings with the colours of `look` until the context ends.

    A matplotlibrc could enable LaTeX, which would interpret names of classes as code.
    """
    import matplotlib as mpl

    # Its messages about fonts on stderr don't help the user.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with mpl.rc_context(), warnings.catch_warnings():
        # A character that is in no font becomes a box.
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


@dataclass
class Layout:
    """Where the axes of a figure are, which takes as long to compute as the figure to draw.

    Pass the same one for figures that only differ in their colours: the first computes it.

    area: what of the figure is saved. axes: the position of each.
    """

    area: Any = None
    axes: Sequence[Any] = ()


class ThemedChart:
    """A chart in light and in dark colours; each is drawn once, when it is first used."""

    def __init__(self, draw: Callable[..., bytes], *arguments: Any, **keywords: Any) -> None:
        """Take a function that returns a PNG, and its arguments except `look` and `layout`."""
        self._draw = partial(draw, *arguments, **keywords, layout=Layout())

    @cached_property
    def light(self) -> bytes:
        """The PNG for a light page."""
        return self._draw(look=LIGHT)

    @cached_property
    def dark(self) -> bytes:
        """The PNG for a dark page."""
        return self._draw(look=DARK)


def png(figure: Any, layout: Layout | None = None) -> bytes:
    """Return the figure as a PNG file."""
    layout = layout or Layout()
    if layout.area is None:
        if figure.axes:
            figure.get_layout_engine().execute(figure)
        # Tight, since the layout would cut off the label of an image with a fixed aspect ratio.
        layout.area = figure.get_tightbbox(figure.canvas.get_renderer()).padded(0.1)
        layout.axes = [axes.get_position() for axes in figure.axes]
        figure.set_layout_engine(None)
    else:
        figure.set_layout_engine(None)
        for axes, place in zip(figure.axes, layout.axes, strict=True):
            axes.set_position(place)
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None}, bbox_inches=layout.area)
    return content.getvalue()


def literal(texts: Sequence[Any]) -> None:
    """Draw matplotlib's `texts` literally: `$x$` is a name, not a formula."""
    for text in texts:
        text.set_parse_math(False)


def _settings(look: PlotStyle) -> dict[str, object]:
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
