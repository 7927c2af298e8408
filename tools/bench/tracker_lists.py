"""The same runs in MLflow and TensorBoard: how long it takes to list them there."""

from __future__ import annotations

import itertools
import random
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run
from imgrec.workflows.tracking import TrackerName, destination_of, push_run
from tools.bench.figures import Figure
from tools.bench.processes import cost_of, cost_text

SECONDS = 60
"""How long TensorBoard's files are read at most."""

_MODULES: Mapping[str, tuple[str, ...]] = {
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
    "tensorboard": ("tensorboard",),
}
_SEARCH = """
import sys
from mlflow.tracking import MlflowClient
client = MlflowClient(sys.argv[1])
number = client.get_experiment_by_name("bench").experiment_id
found = client.search_runs([number], *sys.argv[3:4], max_results=int(sys.argv[2]))
print(len(found))
"""
_READ = """
import pathlib, sys, time
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
began, count = time.monotonic(), 0
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for part in ("", "train", "validation"):
        EventAccumulator(str(folder / part)).Reload().Tags()
    count += 1
    if time.monotonic() - began > float(sys.argv[2]):
        break
pathlib.Path(sys.argv[3]).write_text(f"{count} {time.monotonic() - began}")
"""


def tracker_lists(run: Path, runs: int, folder: Path) -> Iterator[Figure]:
    """Yield the cost of listing as many copies of a run in MLflow and TensorBoard.

    A program that is not installed is named and left out.
    """
    for name, lists in (("mlflow", _in_mlflow), ("tensorboard", _in_tensorboard)):
        if missing := [each for each in _MODULES[name] if find_spec(each) is None]:
            print(f"{name} left out: {', '.join(missing)} not installed")
        else:
            yield from lists(run, runs, folder)


def _in_mlflow(run: Path, runs: int, folder: Path) -> Iterator[Figure]:
    database = folder / "mlflow.sqlite"
    uri = f"sqlite:///{database}"
    _push(run, "mlflow", uri)
    _multiply(database, runs)
    search = [sys.executable, "-c", _SEARCH, uri, str(runs)]
    name = f"MLflow, `search_runs` of {runs:,} runs in SQLite"
    yield Figure(name, cost_text(cost_of(search)))
    chosen = [*search, "metrics.`test/accuracy` > 0.9"]
    yield Figure(f"{name}, filtered", cost_text(cost_of(chosen)))


def _in_tensorboard(run: Path, runs: int, folder: Path) -> Iterator[Figure]:
    _push(run, "tensorboard", "")
    logs, report = folder / "logs", folder / "read"
    for number in range(runs):
        shutil.copytree(run / "tensorboard", logs / f"small-{number:05}")
    command = [sys.executable, "-c", _READ, str(logs), str(SECONDS), str(report)]
    cost = cost_of(command)
    count, seconds = map(float, report.read_text().split())
    name = f"TensorBoard, `EventAccumulator` over {count:,.0f} of {runs:,} runs"
    yield Figure(name, f"{seconds:.2f} s, {cost.memory / 1e6:,.0f} MB")


def _push(run: Path, name: TrackerName, uri: str) -> None:
    found = Run(run, read_card(run))
    push_run(found, destination_of(found, (name,), uri, "bench"))


def _multiply(database: Path, runs: int) -> None:
    """Copy the only run in MLflow's database with all of its rows, each with another accuracy."""
    chance = random.Random(0)  # noqa: S311 - no secret
    with sqlite3.connect(database) as connection:
        for table in ("runs", "params", "tags", "metrics", "latest_metrics"):
            rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - ours
            names = [each[0] for each in rows.description]
            place, marks = names.index("run_uuid"), ", ".join("?" for _ in names)
            copied = rows.fetchall()
            connection.executemany(
                f"INSERT INTO {table} VALUES ({marks})",  # noqa: S608 - ours
                (
                    (*row[:place], f"{number:032}", *row[place + 1 :])
                    for number, row in itertools.product(range(1, runs), copied)
                ),
            )
        connection.executemany(
            "UPDATE latest_metrics SET value = ? WHERE key = 'test/accuracy' AND run_uuid = ?",
            ((chance.uniform(0.5, 1), f"{number:032}") for number in range(1, runs)),
        )
    connection.close()
