"""`imgrec runs`."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from imgrec.cli.documents import RunDetails, RunDocument, RunListDocument
from imgrec.network_summary import NetworkLayer, NetworkSummary
from tests.cli.documents import printed
from tests.cli.transcript import transcript
from tests.runs.cards import small_card

Imgrec = Callable[..., subprocess.CompletedProcess[str]]

NETWORK = NetworkSummary(
    (
        NetworkLayer("vgg16", "Functional", (2, 1, 512), 14_714_688, 900_000_000, 19),
        NetworkLayer("\x1b[2J", "Dense", (2,), 2050, 2048),
    ),
    14_716_738,
    2050,
)


def add_run(runs_dir: Path, name: str, created: str, *, complete: bool = True) -> None:
    """Write the card of a run called `name`."""
    folder = runs_dir / name
    folder.mkdir(parents=True)
    small_card(
        folder,
        created=f"2026-01-02T{created}.000000+00:00",
        complete=complete,
        classes=("cat", "a\x1b[2J"),
        preprocessing="times 0.5, in the model",
        best={"epoch": 2, "monitor": "val_loss", "value": 0.25} if complete else {},
        epochs=3 if complete else 0,
        computing={"device": "cpu", "precision": "float32"} if complete else {},
        network=NETWORK if complete else None,
    )
    if complete:
        (folder / "history.csv").write_text("epoch,loss,seconds\n1,0.5,70.2\n2,0.2,9.8\n")


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
    for arguments in (["list"], ["report"], ["delete", "--purge"], ["show", "pets-1"]):
        process = imgrec("runs", *arguments, "--runs-dir", "nope")
        assert (process.returncode, "there is no folder nope" in process.stderr) == (4, True)


@pytest.mark.usefixtures("runs")
def test_list(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """The runs stand in the order in which they were made, with what distinguishes them."""
    process = imgrec("runs", "list")
    assert process.returncode == 0
    assert transcript(process) == snapshot


@pytest.mark.usefixtures("runs")
def test_list_as_json(imgrec: Imgrec) -> None:
    """The list as JSON holds the same."""
    document = json.loads(imgrec("runs", "list", "--json").stdout)
    assert {
        "kind": "trained",
        "data": "photos",
        "images": {"train": 5},
        "weights": 14_716_738,
        "seconds": 80.0,
        "metrics": {},
        "tags": [],
        "changes": {},
        "settings": {},
    }.items() <= document["runs"][0].items()
    assert (
        document["runs"][0].items()
        >= {
            "name": "pets-1",
            "path": "runs/pets-1",
            "created": "2026-01-02T10:00:00.000000+00:00",
            "complete": True,
            "epochs": 3,
            "best": {"epoch": 2, "monitor": "val_loss", "value": 0.25},
            "error": None,
        }.items()
    )


def test_a_run_that_cannot_be_read_is_listed_as_such(imgrec: Imgrec, runs: Path) -> None:
    """After the others, with the reason; `last` passes over it."""
    card = json.loads((runs / "pets-1/card.json").read_text())
    damages = ("{", "[" * 100_000, json.dumps(card | {"created": "\x1b[2J"}))
    for number, damaged in enumerate(damages):
        (runs / f"broken-{number}").mkdir()
        (runs / f"broken-{number}/card.json").write_text(damaged)
    process = imgrec("runs", "list")
    assert (process.returncode, process.stderr) == (0, "")
    line = process.stdout.splitlines()[-1]
    assert line.startswith("broken-2  ")
    assert line.endswith("created: expected a time in UTC as 2026-01-02T03:04:05.000006+00:00")
    listed = printed(RunListDocument, imgrec("runs", "list", "--json")).runs
    assert [run.name for run in listed][:3] == ["pets-1", "pets-2", "broken-0"]
    assert [run.error is None for run in listed] == [True, True, False, False, False]
    assert listed[3].error == "runs/broken-1/card.json is damaged: it is nested too deeply"
    assert imgrec("runs", "path", "last").stdout == "runs/pets-1\n"


def test_show(imgrec: Imgrec, runs: Path, snapshot: SnapshotAssertion) -> None:
    """A run's card is shown line by line; its names can't steer the terminal."""
    process = imgrec("runs", "show", "pets-1", "--runs-dir", str(runs))
    assert process.returncode == 0
    assert transcript(process, folder=str(runs)) == snapshot


@pytest.mark.usefixtures("runs")
def test_show_as_json(imgrec: Imgrec) -> None:
    """The card as JSON is whole, names and all."""
    document = printed(RunDetails, imgrec("runs", "show", "last", "--json"))
    assert document.run == "pets-1"
    assert list(document.card.classes) == ["cat", "a\x1b[2J"]


@pytest.mark.parametrize("arguments", [[], ["last"], ["pets-1"], ["runs/pets-1"]])
@pytest.mark.usefixtures("runs")
def test_path(arguments: list[str], imgrec: Imgrec) -> None:
    """A run is `last` (the newest complete one), a name or a folder."""
    assert imgrec("runs", "path", *arguments).stdout == "runs/pets-1\n"


def test_a_path_does_not_steer_the_terminal(imgrec: Imgrec, tmp_path: Path) -> None:
    """Control characters in a folder's name are escaped; JSON has the path as it is."""
    add_run(tmp_path / "a\x1b[2J", "pets-1", "10:00:00")
    of_run = ("runs", "path", "pets-1", "--runs-dir", "a\x1b[2J")
    assert imgrec(*of_run).stdout == "a\\x1b[2J/pets-1\n"
    assert json.loads(imgrec(*of_run, "--json").stdout)["path"] == "a\x1b[2J/pets-1"


@pytest.mark.usefixtures("runs")
def test_path_as_json(imgrec: Imgrec) -> None:
    """The path as JSON comes with the name."""
    document = printed(RunDocument, imgrec("runs", "path", "pets-2", "--json"))
    assert document == RunDocument(1, "pets-2", "runs/pets-2")


@pytest.mark.parametrize("arguments", [["show"], ["path", "pets-1"]], ids=" ".join)
def test_a_missing_run_is_4(
    arguments: list[str], imgrec: Imgrec, snapshot: SnapshotAssertion
) -> None:
    """A run that isn't there is reported, with exit status 4."""
    process = imgrec("runs", *arguments)
    assert process.returncode == 4
    assert transcript(process) == snapshot


def test_one_run_has_no_comparison(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """Two are needed, and are asked for."""
    process = imgrec("runs", "compare", "pets-1")
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_tags_and_a_note(imgrec: Imgrec, runs: Path) -> None:
    """They are added and removed, shown, and part of the JSON."""
    assert imgrec("runs", "tag", "pets-1", "b", "a").stdout == "pets-1: a, b\n"
    assert imgrec("runs", "tag", "pets-1", "b", "--remove").stdout == "pets-1: a\n"
    process = imgrec("runs", "tag", "pets-1", "basline", "--remove")
    assert (process.returncode, process.stdout) == (0, "pets-1: a\n")
    assert process.stderr == "pets-1 has no tag basline to remove\n"
    assert imgrec("runs", "note", "pets-1", "x\x1b[2J").stdout == "pets-1: x\\x1b[2J\n"
    shown = imgrec("runs", "show", "pets-1").stdout
    assert "tags           a\n" in shown
    assert "note           x\\x1b[2J\n" in shown
    document = printed(RunDetails, imgrec("runs", "show", "pets-1", "--json"))
    assert (document.notes.tags, document.notes.note) == (("a",), "x\x1b[2J")
    assert document.provenance is None
    assert imgrec("runs", "note", "pets-1", "").stdout == "pets-1: no note\n"
    (runs / "pets-1/notes.json").write_text("{")
    process = imgrec("runs", "show", "pets-1")
    assert process.returncode == 0
    assert "left out: runs/pets-1/notes.json can't be read" in process.stderr


@pytest.fixture
def measured(runs: Path) -> Path:
    """Return the runs folder, in which two runs have metrics and configs."""
    for number, accuracy, rate in ((1, 0.9, 0.01), (3, 0.8, 0.001)):
        folder = runs / f"pets-{number}"
        if number > 1:
            add_run(runs, folder.name, "12:00:00")
        metric = {"value": accuracy, "low": accuracy - 0.1, "high": accuracy + 0.05}
        found = {"split": "test", "images": {"used": 40}, "metrics": {"accuracy": metric}}
        (folder / "metrics.json").write_text(json.dumps(found))
        (folder / "config.yaml").write_text(f"training: {{optimizer: {{Adam: {{lr: {rate}}}}}}}")
    return runs


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--where", "accuracy > 85 %"],
        ["--where", "not complete"],
        ["--sort", "-accuracy", "--columns", "name,accuracy,accuracy.low,lr,complete"],
        ["--csv"],
        ["--where", "acuracy > 1"],
        ["--where", "accuracy = 1"],
        ["--where", "accuracy > 2"],
        ["--sort", "nothing"],
        ["--columns", "name,name"],
        ["--json", "--csv"],
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("measured")
def test_lists(arguments: list[str], imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """Accuracy with its interval, data, time, tags and what changed; chosen, sorted, as CSV."""
    assert transcript(imgrec("runs", "list", *arguments)) == snapshot


@pytest.mark.usefixtures("measured")
def test_runs_are_deleted(imgrec: Imgrec, runs: Path) -> None:
    """It is said what would be deleted; deleted runs go to the trash, which can be emptied."""
    planned = imgrec("runs", "delete", "pets-1", "pets-2", "--dry-run").stdout
    assert "pets-1 (4 files, 2 kB): would be moved to runs/.trash/pets-1@" in planned
    process = imgrec("runs", "delete", "pets-1", "pets-2")
    assert (process.returncode, len(process.stdout.splitlines())) == (0, 2)
    bringing = process.stderr.splitlines()[0].split("`")[1]
    assert bringing.startswith("mv runs/.trash/pets-1@")
    subprocess.run(shlex.split(bringing), check=True)
    assert (runs / "pets-1/card.json").is_file()
    assert imgrec("runs", "delete", "pets-1").stdout.startswith("pets-1 (4 files, 2 kB): moved")
    purged = imgrec("runs", "delete", "--purge", "--dry-run").stdout
    assert [line.split("(")[1].split(",")[0] for line in purged.splitlines()] == [
        "1 file",
        "4 files",
    ]
    assert [path.name for path in runs.glob("pets-*")] == ["pets-3"]
    assert imgrec("runs", "delete", "--purge", "--dry-run").stdout.count("would be removed") == 2
    assert imgrec("runs", "delete", "--purge").stdout.count("): removed") == 2
    assert not list((runs / ".trash").iterdir())
    for arguments in ([], ["pets-3", "--purge"]):
        assert imgrec("runs", "delete", *arguments).returncode == 2
    assert imgrec("runs", "delete", "pets-9").returncode == 4
    process = imgrec("runs", "delete", str(runs / "pets-3"))
    assert f"`imgrec runs delete --purge --runs-dir {runs}` empties the trash" in process.stderr


def test_a_report_is_opened(imgrec: Imgrec, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the browser of the user; a run without one says how to make one."""
    monkeypatch.setenv("BROWSER", "echo %s")
    (runs / "pets-1/report.html").touch()
    process = imgrec("runs", "open", "pets-1")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.splitlines()[0] == "runs/pets-1/report.html"
    process = imgrec("runs", "open", "pets-2")
    assert process.returncode == 4
    assert "pets-2 has no report.html" in process.stderr


def test_a_page_of_runs(imgrec: Imgrec, measured: Path, tmp_path: Path) -> None:
    """Those of which the condition is true; where there are none, nothing is written."""
    process = imgrec("runs", "report", "--where", "accuracy > 10 %")
    assert (process.returncode, process.stderr) == (0, "report: board.html\n")
    page = (tmp_path / "board.html").read_text("utf-8")
    assert '"names": ["pets-1", "pets-3"]' in page
    assert "where accuracy &gt; 10 %" in page
    for arguments, status in (
        (["--where", "accuracy > 2"], 4),
        (["--metric", "nothing"], 2),
        (["--output", "page.txt"], 2),
        (["--runs-dir", str(measured / "nowhere")], 4),
    ):
        assert imgrec("runs", "report", *arguments).returncode == status
    assert not (tmp_path / "page.txt").exists()
