"""Simulate what imgrec says about new images, and print how often it is right.

python -m tools.simulations intervals      intervals: coverage and width, for few and rare images
python -m tools.simulations selective      selective prediction: targets that are missed, coverage
python -m tools.simulations selection      sweeps: the best of 100 trials, and which are worse
python -m tools.simulations promises       gates, temperature, OOD limit and thresholds, by data set

The tables in docs/design.md are those of `--draws 1000`, the default.
"""

from __future__ import annotations

import argparse
import sys
import time

from tools.simulations import intervals, promises, selection, selective

SIMULATIONS = {
    "intervals": intervals.simulate,
    "promises": promises.simulate,
    "selection": selection.simulate,
    "selective": selective.simulate,
}


def main(arguments: list[str]) -> None:
    """Print the tables of one simulation as Markdown."""
    parser = argparse.ArgumentParser(description="Simulate what imgrec says about new images.")
    parser.add_argument("name", choices=sorted(SIMULATIONS))
    parser.add_argument("--draws", type=int, default=1000, help="data sets for each row")
    options = parser.parse_args(arguments)
    began = time.perf_counter()
    for line in SIMULATIONS[options.name](options.draws):
        print(line, flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
