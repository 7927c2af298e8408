"""The colours of pictures, on light and on dark paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
