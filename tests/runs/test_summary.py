"""The summaries of runs, their index, and which of them are selected."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgrec.errors import UsageError
from imgrec.runs.index import INDEX_FILE, read_summaries
from imgrec.runs.query import RunQuery, select
from imgrec.runs.summary import MetricSummary, RunSummary, changed_settings, predecessors, summarize
from tests.runs.cards import small_card

CONFIG = """
name: pets
seed: {seed}
data: {{image_size: [8, 8], root: photos}}
model:
  backbone: {{name: VGG16}}
  layers:
    - Flatten
    - Dense: {{units: 128}}
training:
  epochs: 2
  optimizer:
    Adam: {{learning_rate: 1.0e-05}}
  deterministic: false
  export: []
"""


def add_run(runs_dir: Path, number: int, accuracy: float = 0.9) -> Path:
    """Write the files of a small run that a summary is made of."""
    folder = runs_dir / f"pets-{number}"
    folder.mkdir(parents=True)
    small_card(folder, created=f"2026-01-02T10:{number // 60:02d}:{number % 60:02d}.000000+00:00")
    metric = {"value": accuracy, "low": accuracy - 0.1, "high": accuracy + 0.05}
    document = {"split": "test", "images": {"used": 40}, "metrics": {"accuracy": metric}}
    (folder / "metrics.json").write_text(json.dumps(document))
    (folder / "config.yaml").write_text(CONFIG.format(seed=number))
    (folder / "history.csv").write_text(
        "epoch,loss,val_loss,seconds\n1,0.5,0.4,70.2\n2,0.2,0.3,9.8\n"
    )
    return folder


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A runs folder with enough runs for an index."""
    folder = tmp_path / "runs"
    first = add_run(folder, 0)
    for number in range(1, 120):
        shutil.copytree(first, folder / f"pets-{number}")
    return folder


def test_values_by_name(tmp_path: Path) -> None:
    """Fields, metrics with their bounds, what was validated, and settings from a dot on."""
    run = summarize(add_run(tmp_path, 7))
    expected = {
        "name": "pets-7",
        "complete": True,
        "accuracy": 0.9,
        "accuracy.low": 0.8,
        "val_loss": 0.3,
        "seconds": 80.0,
        "images": 5,
        "backbone": "VGG16",
        "optimizer": "Adam",
        "learning_rate": 1e-5,
        "training.optimizer.Adam.learning_rate": 1e-5,
        "model.layers[0]": "Flatten",
        "model.layers[1].Dense.units": 128,
        "image_size": "[8, 8]",
        "deterministic": False,
        "export": "[]",
        "nothing": None,
        "macro_f1": None,
    }
    assert {name: run.value(name) for name in expected} == expected


@pytest.mark.parametrize("file", ["metrics.json", "config.yaml", "history.csv", "notes.json"])
@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b"a: &a [*a, *a]"])
def test_a_damaged_file_leaves_out_what_it_says(file: str, content: bytes, tmp_path: Path) -> None:
    """The rest of the run is listed."""
    folder = add_run(tmp_path, 1)
    (folder / file).write_bytes(content)
    run = summarize(folder)
    assert (run.name, run.error, run.complete) == ("pets-1", "", True)


def test_an_alias_bomb_has_no_settings(tmp_path: Path) -> None:
    """A config of a stranger does not take memory or time."""
    folder = add_run(tmp_path, 1)
    levels = [f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]" for n in range(1, 30)]
    (folder / "config.yaml").write_text("\n".join(["b0: &b0 [[1], [2]]", *levels]))
    assert summarize(folder).settings == {}


def test_changes_are_those_from_the_run_before(tmp_path: Path) -> None:
    """Of the same experiment; the first one has none."""
    runs = [summarize(add_run(tmp_path, number)) for number in (1, 2)]
    before = predecessors(runs)
    assert before == {"pets-2": runs[0]}
    assert changed_settings(runs[0], runs[1]) == {"seed": (1, 2)}


def test_the_index_follows_the_folders(many: Path) -> None:
    """What is changed, added or removed is seen at once; the index only makes it fast."""
    assert len(read_summaries(many)) == 120
    assert (many / INDEX_FILE).is_file()
    (many / "pets-5/config.yaml").write_text(CONFIG.format(seed=500))
    shutil.rmtree(many / "pets-6")
    add_run(many, 200, accuracy=0.25)
    runs = {run.name: run for run in read_summaries(many)}
    assert len(runs) == 120
    assert runs["pets-5"].settings["seed"] == 500
    assert runs["pets-200"].value("accuracy") == 0.25
    (many / "pets-5/card.json").write_text("{")
    assert read_summaries(many)[-1].error.endswith(
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )


def test_the_index_is_read(many: Path) -> None:
    """The second time, summaries come from it: a file that changes without a trace is not seen."""
    read_summaries(many)
    path = many / "pets-3/metrics.json"
    found, folder = path.stat(), path.parent.stat()
    path.write_bytes(path.read_bytes().replace(b"0.9,", b"0.7,"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    os.utime(path.parent, ns=(folder.st_atime_ns, folder.st_mtime_ns))
    runs = {run.name: run for run in read_summaries(many)}
    assert runs["pets-3"].value("accuracy") == 0.9
    (many / INDEX_FILE).unlink()
    runs = {run.name: run for run in read_summaries(many)}
    assert runs["pets-3"].value("accuracy") == 0.7


@pytest.mark.parametrize("damage", ["not a database", "", "other tables", "a link", "a folder"])
def test_a_damaged_index_is_no_obstacle(damage: str, many: Path, tmp_path: Path) -> None:
    """The runs are read from their folders, and a regular file is written again."""
    index = many / INDEX_FILE
    if damage == "other tables":
        with sqlite3.connect(index) as database:
            database.execute("CREATE TABLE summaries (folder TEXT, stamp TEXT, summary BLOB)")
            database.execute("CREATE VIEW v AS SELECT 1")
        database.close()
    elif damage == "a link":
        (tmp_path / "elsewhere").touch()
        index.symlink_to(tmp_path / "elsewhere")
    elif damage == "a folder":
        index.mkdir()
    else:
        index.write_text(damage * 100)
    for _ in range(2):
        assert len(read_summaries(many)) == 120
    if damage == "a link":
        assert (tmp_path / "elsewhere").read_bytes() == b""
    elif damage != "a folder":
        assert index.stat().st_size > 10_000


def test_writers_at_once(many: Path) -> None:
    """Several processes list the runs while others are added."""

    def list_and_add(number: int) -> int:
        add_run(many, 200 + number)
        return len(read_summaries(many))

    with ThreadPoolExecutor(8) as pool:
        counts = [*pool.map(list_and_add, range(8))]
    assert all(120 < count <= 128 for count in counts)
    assert len(read_summaries(many)) == 128


def test_a_locked_or_read_only_index(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list waits a little, and is made without it."""
    read_summaries(many)
    add_run(many, 200)
    monkeypatch.setattr("imgrec.runs.index._SECONDS", 0.05)
    database = sqlite3.connect(many / INDEX_FILE)
    database.execute("BEGIN EXCLUSIVE")
    assert len(read_summaries(many)) == 121
    database.close()


RUNS = (
    *(
        RunSummary(
            name=f"r{number}",
            metrics={"accuracy": MetricSummary(accuracy), "log_loss": MetricSummary(1 - accuracy)},
            settings={"training.epochs": number},
        )
        for number, accuracy in ((10, 0.5), (2, 0.9), (3, 0.7))
    ),
    RunSummary(name="r4", error="damaged"),
)


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (None, "r10 r2 r3 r4"),
        ("accuracy", "r2 r3 r10 r4"),
        ("-accuracy", "r10 r3 r2 r4"),
        ("log_loss", "r2 r3 r10 r4"),
        ("epochs", "r10 r2 r3 r4"),
        ("training.epochs", "r2 r3 r10 r4"),
        ("name", "r2 r3 r4 r10"),
        ("-name", "r10 r4 r3 r2"),
    ],
)
def test_order(sort: str | None, names: str) -> None:
    """Metrics best first, numbers in names as numbers, runs without a value last."""
    assert " ".join(run.name for run in select(RUNS, RunQuery(sort=sort))) == names


def test_selection() -> None:
    """A condition chooses; a name that no run has is an error that names the nearest."""
    found = select(RUNS, RunQuery("accuracy > 0.6 and training.epochs < 3"))
    assert [run.name for run in found] == ["r2"]
    for wanted in (
        RunQuery("acuracy > 1"),
        RunQuery(sort="acuracy"),
        RunQuery(names=["acuracy"]),
    ):
        with pytest.raises(UsageError, match=r"no run has acuracy; did you mean accuracy\?"):
            select(RUNS, wanted)
    assert select((), RunQuery("acuracy > 1")) == ()
