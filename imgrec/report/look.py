"""The colours of pictures, on light and on dark paper."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_WEIGHTS = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Look:
    """Colours as matplotlib and CSS both read them; `scale` goes from none to all.

    quiet: of text that stands back. good, bad: of verdicts, told apart by everyone.
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


LIGHT = Look(
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

DARK = Look(
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


def scale_of(look: Look) -> Any:
    """Return matplotlib's colours of shares, 0 to 1; what is no share has the paper's."""
    from matplotlib.colors import LinearSegmentedColormap

    scale = LinearSegmentedColormap.from_list("share", look.scale)
    return scale.with_extremes(bad=look.paper)


def ink_on(look: Look, share: float) -> str:
    """Return which of the look's two inks is read best on the colour of a share, 0 to 1 or NaN."""
    if not math.isfinite(share):
        return look.ink
    ground = scale_of(look)(share)
    return max((look.ink, look.ink_on_full), key=lambda ink: contrast(ink, ground))


def contrast(one: Any, other: Any) -> float:
    """Return the contrast of two of matplotlib's colours, 1 to 21, as WCAG 2 defines it."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Any) -> float:
    """Return WCAG's relative luminance, 0 to 1."""
    from matplotlib.colors import to_rgb

    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in to_rgb(colour)
    ]
    return sum(weight * each for weight, each in zip(_WEIGHTS, linear, strict=True))
