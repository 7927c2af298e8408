"""How many photos can't be used, of however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# How many photos that can't be used are named.
_NAMED = 20


class Told(Protocol):
    """What is told of one photo, or why nothing is."""

    @property
    def name(self) -> str:
        """The photo's name."""

    @property
    def error(self) -> str | None:
        """Why it can't be used; None where it can."""


@dataclass(frozen=True)
class Tally:
    """How many photos were asked for, how many can't be used, and the first of those."""

    photos: int = 0
    failed: int = 0
    examples: tuple[Told, ...] = ()

    def with_batch(self, batch: Sequence[Told]) -> Tally:
        """Return the tally after a further batch."""
        failed = tuple(each for each in batch if each.error is not None)
        return Tally(
            self.photos + len(batch),
            self.failed + len(failed),
            (self.examples + failed)[:_NAMED],
        )
