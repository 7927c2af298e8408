"""Rounds, wall times and lines of the table of `make bench`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much to measure: rounds, images per epoch, batches and steps per round.

    few: the rounds of what takes a minute.
    """

    rounds: int = 3
    few: int = 2
    images: int = 2000
    batches: int = 20
    steps: int = 12


QUICK = Size(rounds=1, few=1, images=500, batches=8, steps=5)


@dataclass(frozen=True)
class Figure:
    """One line of the table; `goal` is what a ratio should be."""

    name: str
    value: str
    goal: str = ""


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median wall time of several rounds of `work`."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def rate(images_per_second: float) -> str:
    """Return images/s as text."""
    return f"{images_per_second:,.0f} images/s"
