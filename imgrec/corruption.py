"""Corruptions of images, which measure how robust a model is, and how users specify them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from imgrec.text import printable

CorruptionKind = Literal["rotate", "blur", "noise", "brightness", "jpeg"]

_QUARTER, _FULL_TURN = 90, 360


@dataclass(frozen=True)
class Corruption:
    """A change to all images, such as a rotation by 15 degrees.

    Attributes:
        kind: The kind of change.
        level: How large it is, as its `CorruptionLevels` say.

    Example:
        >>> str(Corruption("rotate", 15.0))
        'rotate=15'
    """

    kind: CorruptionKind
    level: float

    def __str__(self) -> str:
        """Return the name of the slice of the corrupted images."""
        return f"{self.kind}={str(self.level).removesuffix('.0')}"

    @property
    def quarter_turns(self) -> int:
        """The number of turns by 90 degrees that a rotation consists of; 0 for any other change."""
        turned = self.kind == "rotate" and self.level % _QUARTER == 0
        return int(self.level % _FULL_TURN) // _QUARTER if turned else 0


@dataclass(frozen=True)
class CorruptionLevels:
    """The levels of a kind of corruption.

    Attributes:
        what: What happens to the images, for the help of the option.
        example: Some levels, as the option takes them.
        low, high: The lowest and the highest level.
        unchanged: The level that changes nothing, which is refused; None if there is none.
        whole: Whether it is a whole number.
    """

    what: str
    example: str
    low: float
    high: float
    unchanged: float | None = None
    whole: bool = False

    @property
    def allowed(self) -> str:
        """The levels that are allowed."""
        number = "a whole number" if self.whole else "a number"
        other = "" if self.unchanged is None else f" other than {self.unchanged:g}"
        return f"{number} from {self.low:g} to {self.high:g}{other}"


CORRUPTIONS: dict[CorruptionKind, CorruptionLevels] = {
    "rotate": CorruptionLevels(
        "rotated by these degrees, counter-clockwise", "15,30", -359, 359, 0
    ),
    "blur": CorruptionLevels(
        "blurred with these sigmas of a Gaussian, as fractions of the shorter side",
        *("0.01,0.02", 0, 0.5, 0),
    ),
    "noise": CorruptionLevels(
        "with Gaussian noise of these sigmas, as fractions of the range of the pixels",
        *("0.1,0.2", 0, 1, 0),
    ),
    "brightness": CorruptionLevels(
        "with their brightness multiplied by these factors", "0.5,1.5", 0, 10, 1
    ),
    "jpeg": CorruptionLevels("saved as JPEG with these qualities", "10,30", 1, 100, whole=True),
}


def corruptions(kind: CorruptionKind, text: str) -> tuple[Corruption, ...]:
    """Parse levels such as `15,30`; each is returned once, in their order.

    Raises:
        ValueError: One is not a number, or out of the range of `kind`.

    Example:
        >>> [str(each) for each in corruptions("blur", "0.01, 0.02")]
        ['blur=0.01', 'blur=0.02']
    """
    levels = [_level(part.strip(), CORRUPTIONS[kind]) for part in text.split(",")]
    return tuple(Corruption(kind, level) for level in dict.fromkeys(levels))


def _level(text: str, levels: CorruptionLevels) -> float:
    try:
        level = float(text)
    except ValueError:
        level = math.nan
    usable = levels.low <= level <= levels.high and level != levels.unchanged
    if not usable or (levels.whole and not level.is_integer()):
        raise ValueError(f"{printable(text)!r} is not {levels.allowed}")
    return level
