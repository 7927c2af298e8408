"""A training that is ended from outside leaves a run that answers and that can go on."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Process = subprocess.CompletedProcess[str]
Popen = subprocess.Popen[str]
Imgrec = Callable[..., Process]
Start = Callable[..., Popen]

# Dropout has a random state of its own, batch normalisation weights that no gradient moves,
# and an epoch ends in the middle of a lap through the 1,437 images.
CONFIG = """
name: digits
data: {loader: digits, image_size: [8, 8], channels: 1, split: {validation: 0.1, test: 0.1}}
preprocessing: {rescale: 1/255}
augmentation: {rotation_range: 10, width_shift_range: 0.1}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - BatchNormalization
    - Dropout: {rate: 0.3}
    - Flatten
training:
  epochs: 8
  steps_per_epoch: 25
  callbacks: [ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 0.1}]
"""
EPOCHS = 8
TIMES = ("seconds", "images_per_second")


@contextmanager
def training(start: Start, folder: Path) -> Iterator[Popen]:
    """Run a training of CONFIG in `folder`, `start`'s own, and yield it after its epoch 2."""
    (folder / "digits.yaml").write_text(CONFIG)
    with start("train", "digits.yaml", "--device", "cpu") as process:
        read_to(process, "epoch 2/")
        yield process


def read_to(process: Popen, beginning: str) -> None:
    """Read stderr until after the line with this beginning."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        if line.startswith(beginning):
            return
        seen += line
    pytest.fail(f"no line {beginning!r} in\n{seen}")


def end(process: Popen) -> tuple[int, str]:
    """Wait for the process; return its exit status and what is left of its stderr."""
    assert process.stderr is not None
    stderr = process.stderr.read()
    return process.wait(60), stderr


def history(run: Path) -> dict[str, list[str]]:
    """Return the columns of a run's history.csv, the measured times left out."""
    with (run / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0] if name not in TIMES}


def last_epoch(run: Path) -> int:
    """Return the epoch of a run's newest checkpoint."""
    return max(int(path.stem.removeprefix("epoch-")) for path in (run / "state").iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, start_in: Callable[[Path], Start]) -> Path:
    """Return the run of a training that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    with training(start_in(folder), folder) as process:
        status, stderr = end(process)
    assert (status, stderr.count("epoch ")) == (0, EPOCHS - 2)
    return folder / "runs" / "digits-1"


def test_a_killed_training_goes_on_to_the_same_end(
    start: Start, imgrec: Imgrec, tmp_path: Path, whole: Path
) -> None:
    """After kill -9, --resume ends bit for bit where a training ends that was never killed.

    Two of them at once do not get in each other's way: the second is refused.
    """
    with training(start, tmp_path) as process:
        process.kill()
    run = tmp_path / "runs" / "digits-1"
    (run / ".partial-1.keras").write_text("what the killed process was about to write")
    assert 2 <= last_epoch(run) < EPOCHS

    with start("train", "--resume", "last", "--device", "cpu") as first:
        read_to(first, f"run: runs/digits-1 goes on after epoch {last_epoch(run)}\n")
        first.send_signal(signal.SIGSTOP)
        second = imgrec("train", "--resume", "digits-1")
        first.send_signal(signal.SIGCONT)
        assert end(first)[0] == 0
    assert (second.returncode, second.stdout, second.stderr) == (
        4,
        "",
        (
            "imgrec: error: another process is training runs/digits-1\n"
            "hint: wait for it, or take another run\n"
        ),
    )

    assert len(history(run)["loss"]) == EPOCHS
    assert len(set(history(run)["learning_rate"])) > 1
    assert history(run) == history(whole)
    last = Path("state", f"epoch-{EPOCHS:06d}.npz")
    with np.load(run / last) as ours, np.load(whole / last) as theirs:
        assert set(ours) == set(theirs)
        for name in set(ours) - {"progress"}:
            np.testing.assert_array_equal(ours[name], theirs[name])
    files, expected = ({path.relative_to(one) for path in one.rglob("*")} for one in (run, whole))
    assert files == expected


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")],
)
def test_a_signal_leaves_a_usable_run(
    start: Start,
    imgrec: Imgrec,
    tmp_path: Path,
    number: signal.Signals,
    status: int,
    message: str,
) -> None:
    """Ctrl-C and SIGTERM say how to go on; the run so far answers, and calls itself incomplete."""
    with training(start, tmp_path) as process:
        process.send_signal(number)
        found, stderr = end(process)
    run = tmp_path / "runs" / "digits-1"
    last = last_epoch(run)
    lines = [line for line in stderr.splitlines() if not line.startswith("epoch ")]
    assert (found, lines) == (
        status,
        [
            f"stopped; `imgrec train --resume runs/digits-1` goes on after epoch {last}",
            f"imgrec: {message}",
        ],
    )
    assert 2 <= last < EPOCHS
    assert json.loads((run / "card.json").read_text())["complete"] is False
    assert not list(run.rglob(".partial-*"))

    Image.new("L", (8, 8), 100).save(tmp_path / "photo.png")
    arguments = ["predict", "photo.png", "--format", "csv", "--top", "1", "--device", "cpu"]
    assert imgrec(*arguments).returncode == 4
    answer = imgrec(*arguments, "--model", "digits-1")
    assert answer.returncode == 0
    assert answer.stdout.startswith(
        "photo,model,rank,class,probability,known,error\nphoto.png,digits-1,1,"
    )
