"""How long `imgrec runs list` takes, and how much memory, with many runs.

python -m tools.bench.run_lists RUNS    list so many copies of a small run

The files of a trained run that a list shows are copied into each folder, with another seed,
learning rate, accuracy, tag and time of creation.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imgrec.runs.card_file import CARD_FILE
from imgrec.runs.folder import CONFIG_FILE, METRICS_FILE
from imgrec.runs.index import INDEX_FILE
from imgrec.runs.notes import NOTES_FILE
from imgrec.runs.summary import SUMMARIZED_FILES
from tools.bench.figures import QUICK, Figure, Size
from tools.bench.processes import Cost, cost_of, cost_text, imgrec, middle
from tools.bench.tracker_lists import tracker_lists

MANY = 10_000
ROUNDS = 5
ADAM = "training.optimizer={Adam: {learning_rate: 0.001}}"
CHOICE = ("--where", "accuracy > 90 % and learning_rate < 0.01", "--sort", "accuracy")


def run_lists(size: Size) -> Iterator[Figure]:
    """Yield the cost of listing many runs, without the index, with it, and a choice of them."""
    runs = MANY // 10 if size == QUICK else MANY
    with tempfile.TemporaryDirectory() as folder:
        run = trained(Path(folder) / "trained")
        copy(run, Path(folder) / "runs", runs)
        command = imgrec("runs", "list", "--runs-dir", f"{folder}/runs")
        name = f"`imgrec runs list` of {runs:,} runs"
        yield Figure(f"{name}, the first time", cost_text(cost_of(command)), "at most 10 s, 200 MB")
        again = repeated(command)
        yield Figure(f"{name}, again", cost_text(again), "at most 1 s, 200 MB")
        chosen = repeated([*command, *CHOICE])
        yield Figure(f"{name}, filtered and sorted", cost_text(chosen), "at most 1 s, 200 MB")
        bytes_of_index = (Path(folder) / "runs" / INDEX_FILE).stat().st_size
        yield Figure(f"index of {runs:,} runs", f"{bytes_of_index / 1e6:.0f} MB")
        yield from tracker_lists(run, runs, Path(folder))


def repeated(command: list[str]) -> Cost:
    """Return the median cost of a few processes."""
    return middle([cost_of(command) for _ in range(ROUNDS)])


def trained(folder: Path) -> Path:
    """Train a small run, and return its folder."""
    options = (
        "--name",
        "small",
        "--set",
        "training.epochs=3",
        "--set",
        ADAM,
        "--runs-dir",
        str(folder),
    )
    subprocess.run(  # noqa: S603  # our own commands
        imgrec("train", "small_cnn", *options), check=True, capture_output=True
    )
    return folder / "small-1"


def copy(run: Path, folder: Path, count: int) -> None:
    """Write the folders of `count` runs like `run`."""
    files = [run / name for name in SUMMARIZED_FILES if (run / name).is_file()]
    texts = {file.name: file.read_text("utf-8") for file in files}
    begun, chance = datetime(2026, 1, 1, tzinfo=UTC), random.Random(0)  # noqa: S311 - no secret
    card, metrics = json.loads(texts[CARD_FILE]), json.loads(texts[METRICS_FILE])
    for number in range(1, count + 1):
        place = folder / f"small-{number}"
        place.mkdir(parents=True)
        moment = (begun + timedelta(minutes=number)).isoformat(timespec="microseconds")
        rate = 10 ** chance.uniform(-5, -1)
        accuracy = min(1.0, max(0.0, 0.95 - abs(rate - 0.003) * 5 + chance.gauss(0, 0.02)))
        metrics["metrics"]["accuracy"] |= {
            "value": accuracy,
            "low": max(0.0, accuracy - 0.03),
            "high": min(1.0, accuracy + 0.02),
        }
        config = re.sub(r"learning_rate: \S+\b", f"learning_rate: {rate:.6f}", texts[CONFIG_FILE])
        changed = {
            CARD_FILE: json.dumps({**card, "created": moment, "ended": moment}),
            METRICS_FILE: json.dumps(metrics),
            CONFIG_FILE: re.sub(r"seed: \d+", f"seed: {number}", config),
            NOTES_FILE: json.dumps({"schema_version": 1, "tags": [f"t{number % 7}"], "note": ""}),
        }
        for name, text in {**texts, **changed}.items():
            (place / name).write_text(text, "utf-8")


if __name__ == "__main__":
    MANY = int(sys.argv[1])
    for figure in run_lists(Size()):
        print(f"{figure.name:<60} {figure.value:>16}  {figure.goal}", flush=True)
