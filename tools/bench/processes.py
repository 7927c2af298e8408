"""The cost of a process: wall time, processor time and memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A small process in between, since the peak memory of a child starts with that of its parent.
_STARTER = """
import os, subprocess, sys, time
began = time.perf_counter()
nowhere = subprocess.DEVNULL
process = subprocess.Popen(sys.argv[1:], stdout=nowhere, stderr=nowhere)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Cost:
    """The wall time and the processor time of a process in seconds, its peak memory in bytes."""

    seconds: float
    processor: float
    memory: int


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command without showing its output, and return its cost."""
    done = subprocess.run(  # noqa: S603  # our own commands
        [sys.executable, "-c", _STARTER, *command], capture_output=True, text=True, check=True
    )
    seconds, processor, memory = done.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(float(seconds), float(processor), int(memory) * unit)


@contextmanager
def own_cache(folder: Path | str) -> Iterator[None]:
    """Let commands keep what they cache below `folder`, without what earlier ones have cached."""
    os.environ["IMGREC_CACHE"] = str(Path(folder) / "cache")
    try:
        yield
    finally:
        del os.environ["IMGREC_CACHE"]


def imgrec(*arguments: str) -> list[str]:
    """Return the command that runs imgrec."""
    return [sys.executable, "-m", "imgrec", *arguments]


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median of each."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.processor for cost in costs),
        round(statistics.median(cost.memory for cost in costs)),
    )


def cost_text(cost: Cost) -> str:
    """Return a cost as text."""
    return f"{cost.seconds:.2f} s, {cost.memory / 1e6:,.0f} MB"
