"""Give changed files of every kind to imgrec, and find those that it does not answer well.

python -m tools.fuzz [--minutes 5] [KIND ...]            all kinds, if none is named
python -m tools.fuzz --again build/fuzz/findings/png/0-123   one input that was kept

A good answer is a result or an error with its exit status, in bounded time and memory. The number
of a seed decides what the inputs are; only how many there are depends on the time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.fuzz.driver import again, fuzz, seeds_in
from tools.fuzz.kinds import KINDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of the answers by kind; return 1 if there are findings."""
    options = _options(arguments)
    if sys.platform != "linux":
        print("fuzzing needs Linux, which can measure and limit the memory of a process")
        return 2
    if options.again:
        answer, output = again(options.folder, options.again)
        print(f"{output}\nexit status {answer.status} {answer.what}")
        return int(bool(answer.finding))
    seeds_in(options.folder)
    shares = sum(KINDS[kind].seconds for kind in options.kinds)
    second = 60 * options.minutes * options.processes / shares
    with ThreadPoolExecutor(options.processes) as pool:
        counts = pool.map(
            lambda kind: fuzz(
                options.folder, kind, options.seed, second * KINDS[kind].seconds, options.inputs
            ),
            options.kinds,
        )
    found = 0
    print(f"{'kind':12}{'answers':>10}{'errors':>10}{'findings':>10}")
    for kind, count in zip(options.kinds, counts, strict=True):
        findings = count.findings.total()
        print(f"{kind:12}{count.answers:10,}{count.errors:10,}{findings:10,}")
        found += findings
    return int(bool(found))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tools.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--minutes", type=float, default=5, help="how long, all kinds together")
    parser.add_argument("--inputs", type=int, default=10**9, help="of each kind, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--again", type=Path, metavar="FOLDER", help="a kept input")
    options = parser.parse_args(arguments)
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"no kind {min(unknown)}; there are {', '.join(KINDS)}")
    options.kinds = options.kinds or [*KINDS]
    return options


if __name__ == "__main__":
    sys.exit(main())
