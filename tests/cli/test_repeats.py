"""`imgrec train --folds` and `--seeds`, and commands that use their runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgrec.runs.predictions import write_predictions
from imgrec.runs.repeats_file import PooledMetric, Repeats, read_repeats, write_repeats
from imgrec.runs.writer import RunWriter
from imgrec.scores import Scores, one_hot

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]

MEMBERS = ("seed-0", "seed-1")
VALUES = tuple(0.88 + number / 100 for number in range(12))
METRICS = {
    "balanced_accuracy": PooledMetric(0.935, 0.85, 0.991, 0.01, VALUES),
    "log_loss": PooledMetric(0.5, 0.25, 0.75, 0.01, VALUES),
}


@pytest.fixture
def seeds(trained: tuple[Path, Process], tmp_path: Path) -> Path:
    """Return the folder of two runs in the runs folder, which has no other run."""
    folder = tmp_path / "runs" / "digits-seeds-1"
    for name in MEMBERS:
        shutil.copytree(trained[0] / "digits-1", folder / name)
    write_repeats(folder, Repeats(1, "seeds", MEMBERS, 360, "test", METRICS))
    return folder


@pytest.mark.usefixtures("photos")
def test_more_folds_than_groups(imgrec: Imgrec) -> None:
    """Status 3 and how many there can be, before anything is trained."""
    process = imgrec("train", "photos", "--folds", "13", "--groups", r"/(\d+)\.")
    assert (process.returncode, process.stdout) == (3, "")
    assert "too few groups to divide into 13 folds: training and validation" in process.stderr
    assert "hint: take at most 11 folds" in process.stderr  # the twelfth group is for the test
    assert not Path("runs").exists()


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize("source", ["photos", "small_cnn"])
@pytest.mark.parametrize("option", ["--folds", "--dry-run"])
@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ("cam(", "is neither a column nor a regular expression"),
        ("cam_", "cam_ is not a column, and as a regular expression it matches nothing in"),
    ],
)
def test_groups_that_leave_images_without_one(
    source: str, option: str, groups: str, problem: str, imgrec: Imgrec
) -> None:
    """Status 2: the option is named, not the key of a config that it sets."""
    folds = ("--folds", "3", *(() if option == "--folds" else (option,)))
    process = imgrec("train", source, *folds, "--groups", groups)
    assert (process.returncode, process.stdout) == (2, "")
    assert f"error: --groups {problem}" in process.stderr
    assert "data.group" not in process.stderr


def test_last_means_all_runs_of_a_folder(imgrec: Imgrec, seeds: Path) -> None:
    """Where it was completed last, as `runs list` shows it; a single run has to be named."""
    evaluated = imgrec("evaluate")
    assert (evaluated.returncode, evaluated.stderr) == (0, "")
    assert "seed-0" in evaluated.stdout
    assert "seed-1" in evaluated.stdout
    _write_photo(Path("photo.png"))
    named = imgrec("predict", "photo.png", "--json", "--model", "digits-seeds-1")
    for model in ((), ("--model", "last")):
        answer = imgrec("predict", "photo.png", "--json", *model)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout == named.stdout
    explained = imgrec("explain", "photo.png")
    assert explained.returncode == 4
    assert "last: runs/digits-seeds-1 is a folder of runs, and a single" in explained.stderr
    assert "name one of them, such as runs/digits-seeds-1/seed-0" in explained.stderr
    shutil.copytree(seeds / "seed-0", seeds.parent / "digits-1")
    card = json.loads((seeds.parent / "digits-1/card.json").read_text("utf-8"))
    later = card | {"ended": "2999" + card["ended"][4:]}
    (seeds.parent / "digits-1/card.json").write_text(json.dumps(later), "utf-8")
    assert json.loads(imgrec("runs", "show", "--json").stdout)["run"] == "digits-1"


def test_resuming_last_continues_all_runs_of_a_folder(imgrec: Imgrec, seeds: Path) -> None:
    """Where they are the newest; here, all are trained and remain to be pooled."""
    shutil.copy(seeds / "seed-0/config.yaml", seeds)
    write_repeats(seeds, Repeats(1, "seeds", MEMBERS))
    truth = one_hot(np.arange(20) % 2, 2)
    scores = Scores(tuple(map(str, range(20))), truth, truth.astype(np.float32), ("a", "b"))
    for name in MEMBERS:
        with RunWriter(seeds / name) as writer:
            write_predictions(writer, scores)
    process = imgrec("train", "--resume", "last")
    assert process.returncode == 0, process.stderr
    assert "runs: runs/digits-seeds-1" in process.stderr
    assert "range of seeds" in process.stdout
    assert read_repeats(seeds).metrics


def test_runs_that_are_not_all_complete(imgrec: Imgrec, seeds: Path) -> None:
    """Status 4: no other model answers in their place."""
    write_repeats(seeds, Repeats(1, "seeds", MEMBERS))
    for command in (("predict", "photo.png"), ("explain", "photo.png"), ("evaluate",)):
        process = imgrec(*command)
        assert (process.returncode, process.stdout) == (4, "")
        assert "no complete run in runs: digits-seeds-1 is not complete" in process.stderr


@pytest.mark.usefixtures("seeds")
def test_many_runs_fit_a_terminal(imgrec: Imgrec) -> None:
    """The lowest and the highest value stand for those of the runs."""
    shown = imgrec("runs", "show", "digits-seeds-1").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "88.0 to 99.0 %" in shown
    assert "images: 360 in the test split" in shown


def test_the_command_of_a_run(trained: tuple[Path, Process]) -> None:
    """It can be repeated, also where it was `python -m imgrec`."""
    provenance = json.loads((trained[0] / "digits-1/provenance.json").read_text("utf-8"))
    assert provenance["sessions"][0]["command"][:3] == ["imgrec", "train", "small_cnn"]


def _write_photo(path: Path) -> None:
    from PIL import Image

    Image.new("L", (8, 8), 90).save(path)
