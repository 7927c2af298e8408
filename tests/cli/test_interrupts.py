"""A training that is ended from outside leaves a run that answers and that can go on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from imgrec.training.checkpoint import newest_place
from tests.forks import StartFork, TextFork

pytestmark = pytest.mark.tensorflow

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]

CONFIG = """
name: digits
data: {loader: digits, image_size: [8, 8], channels: 1, split: {validation: 0.1, test: 0.1}}
preprocessing: {rescale: 1/255}
model: {layers: [Conv2D: {filters: 4, kernel_size: 3, activation: relu}, Flatten]}
training: {epochs: 1000, steps_per_epoch: 25}
"""
# An epoch of seconds, in which no checkpoint is due: there is one only where a signal asks for it.
LONG = CONFIG.replace("steps_per_epoch: 25", "steps_per_epoch: 4000, checkpoint: {every: 1 epoch}")

FROZEN = """
name: frozen
data:
  root: {root}
  image_size: [128, 128]
  batch_size: 4
  split: {{validation: 0.2}}
  cache: {{folder: {cache}}}
model:
  backbone: {{name: VGG16, weights: null}}
  layers: [GlobalAveragePooling2D]
training: {{epochs: 1, export: []}}
"""


@contextmanager
def training(fork: StartFork, folder: Path, config: str = CONFIG) -> Iterator[TextFork]:
    """Run a training in `folder`, `fork`'s own, and yield it after its first epoch.

    It is killed at the end of the block, if it still runs.
    """
    (folder / "digits.yaml").write_text(config)
    with fork("train", "digits.yaml", "--device", "cpu") as process:
        try:
            read_to(process, "epoch 1/")
            yield process
        finally:
            process.kill()


def read_to(process: TextFork, beginning: str) -> None:
    """Read stderr until after the line with this beginning."""
    seen = ""
    for line in process.stderr:
        if line.startswith(beginning):
            return
        seen += line
    pytest.fail(f"no line {beginning!r} in\n{seen}")


def end(process: TextFork) -> tuple[int, str]:
    """Wait for the process; return its exit status and what is left of its stderr."""
    stderr = process.stderr.read()
    return process.wait(60), stderr


def place(run: Path) -> str:
    """Return where a run's newest checkpoint stands, in words."""
    found = newest_place(run / "state")
    assert found is not None
    return found


def test_a_run_is_trained_by_one_process_at_a_time(
    fork: StartFork, imgrec: Imgrec, tmp_path: Path
) -> None:
    """The second one is refused, and what a killed process left half written is removed."""
    with training(fork, tmp_path) as process:
        process.kill()
    run = tmp_path / "runs" / "digits-1"
    (run / ".partial-1.keras").write_text("what the killed process was about to write")
    with fork("train", "--resume", "last", "--device", "cpu") as first:
        read_to(first, f"run: runs/digits-1 resumes {place(run)}\n")
        first.send_signal(signal.SIGSTOP)
        second = imgrec("train", "--resume", "digits-1")
        first.send_signal(signal.SIGCONT)
        first.send_signal(signal.SIGTERM)
        assert end(first)[0] == 143
    assert (second.returncode, second.stdout, second.stderr) == (
        4,
        "",
        (
            "imgrec: error: another process is training runs/digits-1\n"
            "hint: wait for it, or take another run\n"
        ),
    )
    assert not list(run.glob(".partial-*"))


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 143, "ended by SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_a_signal_leaves_a_usable_run(
    fork: StartFork,
    imgrec: Imgrec,
    tmp_path: Path,
    number: signal.Signals,
    status: int,
    message: str,
) -> None:
    """Ctrl-C and SIGTERM write a checkpoint of the step, and say how to go on.

    The run so far answers, and calls itself incomplete.
    """
    with training(fork, tmp_path, LONG) as process:
        time.sleep(0.5)  # into the next epoch
        process.send_signal(number)
        found, stderr = end(process)
    run = tmp_path / "runs" / "digits-1"
    assert re.fullmatch(r"in epoch 2, after step [1-9]\d*", place(run))
    lines = [line for line in stderr.splitlines() if not line.startswith("epoch ")]
    assert (found, lines) == (
        status,
        [
            f"stopped; `imgrec train --resume runs/digits-1` resumes {place(run)}",
            f"imgrec: {message}",
        ],
    )
    assert json.loads((run / "card.json").read_text())["complete"] is False
    assert not list(run.rglob(".partial-*"))

    Image.new("L", (8, 8), 100).save(tmp_path / "photo.png")
    arguments = ["predict", "photo.png", "--format", "csv", "--top", "1", "--device", "cpu"]
    assert imgrec(*arguments).returncode == 4
    answer = imgrec(*arguments, "--model", "digits-1")
    assert answer.returncode == 0
    assert answer.stdout.startswith(
        "photo,model,rank,class,probability,known,answer,error\nphoto.png,digits-1,1,"
    )


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, 0.02, marks=pytest.mark.slow),
        (signal.SIGTERM, 0.2),
        pytest.param(signal.SIGINT, 0.6, marks=pytest.mark.slow),
    ],
)
def test_a_signal_while_the_first_steps_are_compiled(
    fork: StartFork, tmp_path: Path, number: signal.Signals, moment: float
) -> None:
    """No crash of native code and no other error comes out of it, whenever it arrives."""
    (tmp_path / "digits.yaml").write_text(CONFIG)
    with fork("train", "digits.yaml", "--device", "cpu") as process:
        while not list(tmp_path.glob("runs/*/state/*.npz")):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(moment)
        process.send_signal(number)
        status, stderr = end(process)
    expected = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "ended by SIGTERM")}
    assert (status, stderr.splitlines()[-1].removeprefix("imgrec: ")) == expected[number]
    assert "resumes" in stderr.splitlines()[-2]


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_signal_while_features_are_computed(
    fork: StartFork,
    imgrec: Imgrec,
    tmp_path: Path,
    photos: Path,
    number: signal.Signals,
    status: int,
) -> None:
    """It ends after the batch under way, leaves no half of a file, and the training can go on."""
    cache = tmp_path / "cache"
    (tmp_path / "frozen.yaml").write_text(FROZEN.format(root=photos, cache=cache))
    with fork("train", "frozen.yaml", "--device", "cpu") as process:
        while not list(cache.glob("*.partial")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        found, stderr = end(process)
    assert found == status
    assert "`imgrec train --resume runs/frozen-1` resumes from the start" in stderr
    assert {path.suffix for path in cache.iterdir()} == {".lock"}
    assert imgrec("train", "--resume", "last", "--device", "cpu").returncode == 0


def test_a_second_ctrl_c_ends_it_at_once(fork: StartFork, tmp_path: Path) -> None:
    """It waits for no step and no checkpoint any more, and what is there can go on."""
    with training(fork, tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        assert end(process)[0] in {-signal.SIGINT, -signal.SIGTERM, 130, 143}
    assert newest_place(tmp_path / "runs" / "digits-1" / "state")
