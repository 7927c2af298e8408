"""`imgrec sweep`: begun, killed at any moment, continued, shown and stopped."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.killing import assert_same_weights
from tests.conftest import TINY, needs_weights, write_colours

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Start = Callable[..., subprocess.Popen[str]]

QUICK = """
name: colours
data: {root: photos, image_size: [32, 32], split: {validation: 0.2, test: 0.2}, cache: none}
model: {layers: [GlobalAveragePooling2D]}
sweep:
  trials: 2
  search: random
  space:
    data.image_size: {choose: [[32, 32], [48, 48]]}
    data.fit: {choose: [crop, stretch, pad]}
"""
KILLED = f"""{TINY}
sweep:
  trials: 5
  prune: asha
  space:
    training.optimizer.Adam.learning_rate: {{log: [1e-4, 1e-1]}}
    model.layers[0].Conv2D.filters: {{choose: [2, 4, 8]}}
    model.layers[2].Dropout.rate: {{uniform: [0, 0.5]}}
    training.optimizer.Adam.weight_decay: {{choose: [null, 0.01]}}
"""
BEGIN = (
    *("sweep", "tiny.yaml", "--worker", "--device", "cpu"),
    *("--set", "training.epochs=4", "--set", "training.checkpoint.every=5 steps"),
)


@needs_weights
@pytest.mark.long
def test_killed_three_times(tmp_path: Path, start: Start, imgrec: Imgrec) -> None:
    """Before a trial's run is there, within it, and in the next one; no trial is lost or doubled.

    A second sweep of the same seed that nobody kills has the same table.
    """
    write_colours(tmp_path / "photos")
    (tmp_path / "colours.yaml").write_text(QUICK)
    trials = tmp_path / "runs" / "sweeps" / "colours" / "trials"
    for sign in ("trial-0.lock", "trial-0/card.json", "trial-1.lock"):
        worker = start("sweep", "colours.yaml", "--quick", "--worker")
        _wait_for(trials / sign)
        worker.kill()
        worker.communicate()
        assert "running" not in (shown := imgrec("sweep", "show", "colours").stdout)
        assert "card.json" not in sign or "interrupted" in shown
    resumed = imgrec("sweep", "resume", "colours")
    assert (resumed.returncode, "; 2 of 2 trials\n" in resumed.stderr) == (0, True)
    assert max(map(len, resumed.stderr.splitlines()[1:])) <= 80
    killed = _table(imgrec, "colours")
    assert sum(each["starts"] for each in killed) <= 5
    arguments = ("--quick", "--name", "whole", "--json")
    whole = json.loads(imgrec("sweep", "colours.yaml", *arguments).stdout)
    assert _comparable(killed) == _comparable(whole["trials"])
    assert [each["state"] for each in killed] == ["complete", "complete"]
    assert "has ended already, after 2 trials" in imgrec("sweep", "stop", "colours").stderr
    winner = json.loads(imgrec("sweep", "report", "colours", "--json").stdout)
    assert (winner["best"], winner["trials"], winner["images"]) == (killed[0]["number"], 2, 8)
    reported = imgrec("sweep", "report", "colours", "--output", "board.html")
    page = (tmp_path / "board.html").read_text("utf-8")
    for text in ("corrected for having been chosen", f"trial {winner['cheapest']}, "):
        assert text in reported.stdout
        assert text in page
    assert '"trial-1"' in page
    for number in range(2):
        ours, theirs = trials / f"trial-{number}", trials.parents[1] / "whole/trials"
        for name in ("predictions.npz", "config.yaml"):
            assert (ours / name).read_bytes() == (theirs / f"trial-{number}" / name).read_bytes()


@needs_weights
@pytest.mark.slow
@pytest.mark.parametrize("storage", ["journal", "database"])
def test_two_workers_share_a_sweep(
    storage: str, tmp_path: Path, start: Start, imgrec: Imgrec, request: pytest.FixtureRequest
) -> None:
    """One is killed, the other continues its trial; the table is that of a single worker."""
    write_colours(tmp_path / "photos")
    (tmp_path / "colours.yaml").write_text(QUICK)
    options = ["--storage", request.getfixturevalue(storage)] if storage == "database" else []
    sweep = ("sweep", "colours.yaml", "--quick", "--set", "sweep.trials=6")
    workers = []
    for number in range(2):
        workers.append(start(*sweep, "--worker", *options))
        _wait_for(tmp_path / f"runs/sweeps/colours/trials/trial-{number}.lock")
    _wait_for(tmp_path / "runs/sweeps/colours/trials/trial-3.lock")
    workers[0].kill()
    said = [worker.communicate()[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [-signal.SIGKILL, 0]
    assert ": accuracy" in said[1]
    shared = _table(imgrec, "colours")
    assert sum(each["starts"] for each in shared) <= 7
    alone = json.loads(imgrec(*sweep, "--name", "alone", "--json").stdout)
    assert _comparable(shared) == _comparable(alone["trials"])


@pytest.mark.long
@needs_weights
def test_a_full_disk_ends_a_worker(
    tmp_path: Path, imgrec: Imgrec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file, and leaves the trial to be continued and no part of the file behind."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # which the limit would cut off
    write_colours(tmp_path / "photos")
    (tmp_path / "colours.yaml").write_text(QUICK)
    sweep = ("sweep", "colours.yaml", "--quick", "--worker", "--set", "sweep.trials=1")
    with _files_of_at_most(1_000_000):
        full = imgrec(*sweep)
    run = tmp_path / "runs" / "sweeps" / "colours" / "trials" / "trial-0"
    assert (full.returncode, "trial-0/model.tflite can't be written" in full.stderr) == (4, True)
    assert "`imgrec sweep resume colours` continues the trial" in full.stderr
    assert not [*run.glob("*.tflite"), *run.glob("*partial*")]
    journal = run.parents[1] / "journal.log"
    with _files_of_at_most(journal.stat().st_size + 100):
        full = imgrec(*sweep)
    assert (full.returncode, "journal.log can't be written" in full.stderr) == (4, True)
    assert imgrec(*sweep).returncode == 0
    (trial,) = _table(imgrec, "colours")
    assert (trial["state"], trial["starts"]) == ("complete", 2)


@needs_weights
@pytest.mark.slow
def test_a_sweep_is_finished_once(tmp_path: Path, imgrec: Imgrec) -> None:
    """The test images are looked at by the chosen trial alone, and not again after a kill."""
    write_colours(tmp_path / "photos")
    (tmp_path / "colours.yaml").write_text(QUICK)
    assert imgrec("sweep", "colours.yaml", "--quick").returncode == 0
    assert not (tmp_path / "runs" / "test_looks.jsonl").exists()
    first = json.loads(imgrec("sweep", "finish", "colours", "--json").stdout)
    assert (first["split"], first["images"], first["test_looks"]) == ("test", 8, 1)
    assert first["metrics"]["accuracy"]["low"] < first["mean"]["accuracy"]["value"]
    assert json.loads(imgrec("sweep", "finish", "colours", "--json").stdout) == first
    (tmp_path / "runs/sweeps/colours/finish.json").unlink()  # is written last
    assert json.loads(imgrec("sweep", "finish", "colours", "--json").stdout) == first
    assert len((tmp_path / "runs" / "test_looks.jsonl").read_text("utf-8").splitlines()) == 1
    other = str(1 - first["trial"])
    refused = imgrec("sweep", "finish", "colours", "--trial", other)
    assert (refused.returncode, "was chosen before" in refused.stderr) == (2, True)
    photo = tmp_path / "photos" / "red" / "00.png"
    assert imgrec("predict", str(photo), "--model", first["path"]).returncode == 0


@pytest.mark.long
@needs_weights
def test_without_test_images_nothing_is_tested(tmp_path: Path, imgrec: Imgrec) -> None:
    """It is said when the sweep begins, and at its end how to measure the models all the same."""
    write_colours(tmp_path / "photos")
    (tmp_path / "colours.yaml").write_text(QUICK.replace(", test: 0.2", ""))
    begun = imgrec("sweep", "colours.yaml", "--quick", "--set", "sweep.trials=1")
    assert begun.returncode == 0
    said = " ".join(begun.stderr.split())
    assert "`imgrec sweep finish` will not test the chosen trial" in said
    for _ in range(2):
        finished = imgrec("sweep", "finish", "colours")
        assert finished.returncode == 0
        assert "the new runs are not tested" in (said := " ".join(finished.stderr.split()))
        command = "imgrec evaluate runs/sweeps/colours/finalists --data FOLDER"
        assert f"`{command}` measures them" in said
        assert "of a run" not in finished.stdout
        assert "test image" not in finished.stdout
    found = json.loads(imgrec("sweep", "finish", "colours", "--json").stdout)
    assert (found["split"], found["images"], found["metrics"], found["mean"]) == (None, 0, {}, {})
    arguments = [*command.replace("FOLDER", "photos").split()[1:], "--allow-leakage"]
    assert imgrec(*arguments).returncode == 0


def test_a_sweep_is_checked_before_the_first_trial(tmp_path: Path, imgrec: Imgrec) -> None:
    """Without the section, with an unknown key, and without validation images."""
    write_colours(tmp_path / "photos")
    (tmp_path / "colours.yaml").write_text(QUICK)
    for setting, status, message in (
        ("sweep=null", 2, "sweep: is missing"),
        ("sweep.space={data.fitt: {choose: [crop]}}", 2, "'data.fitt': can't vary"),
        ("sweep.space={model.layer: {choose: [1]}}", 2, "1 is refused: model.layer: unknown key"),
        ("data.split.validation=0", 3, "no validation images, by which a sweep compares"),
    ):
        process = imgrec("sweep", "colours.yaml", "--set", setting)
        assert (process.returncode, message in process.stderr) == (status, True), process.stderr
    process = imgrec("sweep", "colours.yaml", "--set", "sweep=null")
    assert "hint: --set 'sweep.space={data.fit: {choose: [crop, pad]}}' is" in process.stderr
    assert not (tmp_path / "runs").exists()
    assert imgrec("sweep", "show", "colours").returncode == 4


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse to write more than so many bytes to a file, as on a full disk."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _comparable(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a table without the times and the number of processes."""
    return [
        {key: value for key, value in each.items() if key not in {"seconds", "starts"}}
        for each in trials
    ]


def _table(imgrec: Imgrec, name: str) -> list[dict[str, Any]]:
    shown = imgrec("sweep", "show", name, "--json")
    found: list[dict[str, Any]] = json.loads(shown.stdout)["trials"]
    return found


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, start_in: Callable[[Path], Start]
) -> tuple[Path, list[dict[str, Any]], float]:
    """Return the runs folder of a sweep that nobody killed, its table, and how long it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "tiny.yaml").write_text(KILLED)
    began = time.monotonic()
    output = start_in(folder)(*BEGIN, "--json").communicate()[0]
    return folder / "runs", json.loads(output)["trials"], time.monotonic() - began


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_moment(
    seed: int,
    tmp_path: Path,
    start: Start,
    imgrec: Imgrec,
    undisturbed: tuple[Path, list[dict[str, Any]], float],
) -> None:
    """Five random kills each: table, weights and histories are those of an undisturbed sweep."""
    runs, whole, seconds = undisturbed
    (tmp_path / "tiny.yaml").write_text(KILLED)
    moments = random.Random(seed)  # noqa: S311 - moments, no secrets
    for _ in range(5):
        worker = start(*BEGIN)
        try:
            worker.communicate(timeout=moments.uniform(0, seconds / 2))
        except subprocess.TimeoutExpired:
            worker.kill()
        worker.communicate()
    worker = start(*BEGIN)
    worker.communicate()
    assert worker.returncode == 0
    found = _table(imgrec, "tiny")
    assert _comparable(found) == _comparable(whole)
    for each in found:
        name = f"sweeps/tiny/trials/trial-{each['number']}"
        ours, theirs = (root / name for root in (tmp_path / "runs", runs))
        assert {path.name for path in ours.iterdir()} == {path.name for path in theirs.iterdir()}
        if each["state"] == "complete":
            assert (ours / "predictions.npz").read_bytes() == (
                theirs / "predictions.npz"
            ).read_bytes()
            assert_same_weights(ours / "best.keras", theirs / "best.keras")
