"""How long work tells how far it is, without knowing who is looking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

# A speed from here on is told without a digit behind the point.
_WHOLE = 10


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Say that `count` more units are done; a `note` is shown in place of their number."""


class Progress(Protocol):
    """Where tasks are shown."""

    def task(
        self, title: str, total: int | None, unit: str = "images"
    ) -> AbstractContextManager[Task]:
        """Show a task of `total` units (None: unknown) until the context ends."""


class Silent:
    """A progress that shows nothing."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Do nothing."""

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Task]:
        """Show nothing."""
        yield self


def rate(speed: float) -> str:
    """Return how many units a second there are, in words: `1,061`, or `0.4`."""
    return f"{speed:,.0f}" if speed >= _WHOLE else f"{speed:.1f}"
