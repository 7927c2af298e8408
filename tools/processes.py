"""What a process of its own takes: wall time and memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# A process of its own, as the peak memory of a child begins with that of the one that starts it.
_STARTER = """
import os, subprocess, sys, time
began = time.perf_counter()
nowhere = subprocess.DEVNULL
process = subprocess.Popen(sys.argv[1:], stdout=nowhere, stderr=nowhere)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds by the clock, and the most memory, in bytes."""

    seconds: float
    memory: int


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command, whose output is not shown, and return what it took."""
    done = subprocess.run(  # noqa: S603  # commands of our own
        [sys.executable, "-c", _STARTER, *command], capture_output=True, text=True, check=True
    )
    seconds, memory = done.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(float(seconds), int(memory) * unit)


def imgrec(*arguments: str) -> list[str]:
    """Return the command that runs imgrec."""
    return [sys.executable, "-m", "imgrec", *arguments]


def middle(costs: Sequence[Cost]) -> Cost:
    """Return the median of the times and that of the memory."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        round(statistics.median(cost.memory for cost in costs)),
    )


def told(cost: Cost) -> str:
    """Return a cost for people."""
    return f"{cost.seconds:.2f} s, {cost.memory / 1e6:,.0f} MB"
