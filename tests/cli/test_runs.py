"""`imgrec runs`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.runs.card import Card, DataSource, Input
from imgrec.runs.card_file import write_card

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


def add_run(runs_dir: Path, name: str, created: str, *, complete: bool = True) -> None:
    """Write the card of a run called `name`."""
    folder = runs_dir / name
    folder.mkdir(parents=True)
    card = Card(
        name="pets",
        created=f"2026-01-02T{created}.000000+00:00",
        complete=complete,
        classes=("cat", "a\x1b[2J"),
        input=Input(64, 48, 3, "bilinear"),
        output="softmax",
        preprocessing="times 0.5, in the model",
        seed=7,
        data={"train": DataSource("photos", "/photos", 5, {"cat": 3, "a\x1b[2J": 2})},
        skipped=0,
        fingerprint="0" * 64,
        versions={"keras": "3"},
        best={"epoch": 2, "monitor": "val_loss", "value": 0.25} if complete else {},
        epochs=3 if complete else 0,
    )
    write_card(folder, card)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a runs folder with a complete run and a newer one that is not complete."""
    add_run(tmp_path / "runs", "pets-1", "10:00:00")
    add_run(tmp_path / "runs", "pets-2", "11:00:00", complete=False)
    return tmp_path / "runs"


def test_list_of_none(imgrec: Imgrec) -> None:
    """Where nothing was trained yet, the list is empty and says so on stderr."""
    process = imgrec("runs", "list")
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "no runs in runs\n")
    assert json.loads(imgrec("runs", "list", "--json").stdout) == {"schema_version": 1, "runs": []}


@pytest.mark.usefixtures("runs")
def test_list(imgrec: Imgrec) -> None:
    """The runs stand in the order of their making, with what tells them apart."""
    assert imgrec("runs", "list").stdout == (
        "name    created           epochs    best\n"
        "pets-1  2026-01-02 10:00  3         val_loss 0.25 in epoch 2\n"
        "pets-2  2026-01-02 11:00  0 so far\n"
    )


@pytest.mark.usefixtures("runs")
def test_list_as_json(imgrec: Imgrec) -> None:
    """The list as JSON holds the same."""
    document = json.loads(imgrec("runs", "list", "--json").stdout)
    assert document["runs"][0] == {
        "name": "pets-1",
        "path": "runs/pets-1",
        "created": "2026-01-02T10:00:00.000000+00:00",
        "complete": True,
        "epochs": 3,
        "best": {"epoch": 2, "monitor": "val_loss", "value": 0.25},
    }


def test_show(imgrec: Imgrec, runs: Path) -> None:
    """A run's card is shown line by line; its names can't steer the terminal."""
    process = imgrec("runs", "show", "pets-1", "--runs-dir", str(runs))
    assert process.stdout == (
        "key            value\n"
        "name           pets-1\n"
        f"path           {runs}/pets-1\n"
        "created        2026-01-02T10:00:00.000000+00:00\n"
        "complete       yes\n"
        "epochs         3\n"
        "best           val_loss 0.25 in epoch 2\n"
        "seed           7\n"
        "classes        cat, a\\x1b[2J\n"
        "input          64x48, 3 channels\n"
        "fit            stretch\n"
        "preprocessing  times 0.5, in the model\n"
        "train          5 images, photos\n"
        "keras          3\n"
    )


@pytest.mark.usefixtures("runs")
def test_show_as_json(imgrec: Imgrec) -> None:
    """The card as JSON is whole, names and all."""
    document = json.loads(imgrec("runs", "show", "last", "--json").stdout)
    assert document["run"] == "pets-1"
    assert document["card"]["classes"] == ["cat", "a\x1b[2J"]


@pytest.mark.parametrize("arguments", [[], ["last"], ["pets-1"], ["runs/pets-1"]])
@pytest.mark.usefixtures("runs")
def test_path(arguments: list[str], imgrec: Imgrec) -> None:
    """A run is `last` (the newest complete one), a name or a folder."""
    assert imgrec("runs", "path", *arguments).stdout == "runs/pets-1\n"


@pytest.mark.usefixtures("runs")
def test_path_as_json(imgrec: Imgrec) -> None:
    """The path as JSON comes with the name."""
    assert json.loads(imgrec("runs", "path", "pets-2", "--json").stdout) == {
        "schema_version": 1,
        "name": "pets-2",
        "path": "runs/pets-2",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["show"],
            (
                "imgrec: error: there is no complete run in runs\n"
                "hint: train one with `imgrec train CONFIG`, or say where the runs are with "
                "--runs-dir\n"
            ),
        ),
        (
            ["path", "pets-1"],
            (
                "imgrec: error: there is no run pets-1: no such folder, and no such name in runs\n"
                "hint: `imgrec runs list` shows the runs that can be used\n"
            ),
        ),
    ],
)
def test_a_missing_run_is_4(arguments: list[str], message: str, imgrec: Imgrec) -> None:
    """A run that isn't there is told, with exit status 4."""
    process = imgrec("runs", *arguments)
    assert (process.returncode, process.stdout, process.stderr) == (4, "", message)


def test_one_run_has_no_comparison(imgrec: Imgrec) -> None:
    """Two are needed, and are asked for."""
    process = imgrec("runs", "compare", "pets-1")
    assert process.returncode == 2
    assert "one run has nothing to be compared with" in process.stderr
