"""How long-running work reports its progress, independent of how that is shown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from imgrec.rounding import decimals

# From this speed on, no decimals are shown.
_WHOLE = 10


class Task(Protocol):
    """A piece of work in progress."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Advance by `count` units; a `note` is shown instead of the number of units."""


class Progress(Protocol):
    """Shows tasks."""

    def task(
        self, title: str, total: int | None, unit: str = "images"
    ) -> AbstractContextManager[Task]:
        """Show a task of `total` units (None: unknown) until the context ends."""


class Silent:
    """A `Progress` and a `Task` that show nothing."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Do nothing."""

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Task]:
        """Show nothing."""
        yield self


def rate(speed: float) -> str:
    """Return `speed`, in units per second, as text.

    Example:
        >>> rate(1061.2), rate(0.43)
        ('1,061', '0.4')
    """
    return f"{speed:,.0f}" if speed >= _WHOLE else decimals(speed, 1, most=math.inf)
