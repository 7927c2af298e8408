"""A training killed at any moment and resumed ends bit for bit where one ends that was not."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from tests.cli.killing import (
    CONFIG,
    FROZEN,
    assert_same,
    begin,
    finished,
    history,
    newest,
)
from tests.forks import ForkIn, StartFork

pytestmark = pytest.mark.tensorflow

NEVER = 600.0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, fork_in: ForkIn) -> tuple[Path, float]:
    """Return the run of a training that nobody interrupted, and the seconds that it took."""
    return _uninterrupted(tmp_path_factory.mktemp("whole"), fork_in, CONFIG)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, fork_in: ForkIn) -> tuple[Path, float]:
    """Return the same of a training with a frozen backbone, which learns in the end."""
    return _uninterrupted(tmp_path_factory.mktemp("tuned"), fork_in, FROZEN)


def _uninterrupted(folder: Path, fork_in: ForkIn, config: str) -> tuple[Path, float]:
    began = time.monotonic()
    assert finished(begin(fork_in(folder), folder, config)) == 0
    return folder / "runs" / "digits-1", time.monotonic() - began


def test_the_training_that_is_killed_has_everything_in_it(whole: tuple[Path, float]) -> None:
    """The learning rate falls, and the training ends early: both callbacks counted."""
    columns = history(whole[0])
    assert len(set(columns["learning_rate"])) > 1
    assert 4 < len(columns["loss"]) < 40


def test_killed_three_times(fork: StartFork, tmp_path: Path, whole: tuple[Path, float]) -> None:
    """Each time at another moment after the first checkpoint; then it is left to end."""
    moments = random.Random(0)  # noqa: S311 - moments, no secrets
    run = tmp_path / "runs" / "digits-1"
    steps = [moments.randrange(8) for _ in range(3)]
    process = begin(fork, tmp_path)
    for more in steps:
        seen = wait_for_checkpoint(run, "", NEVER)
        for _ in range(more):
            seen = wait_for_checkpoint(run, seen, NEVER)
        time.sleep(moments.random() / 50)
        process.kill()
        process.communicate()
        process = fork("train", "--resume", "last", "--device", "cpu")
    assert finished(process) == 0
    assert_same(run, whole[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_moment(
    seed: int, fork: StartFork, tmp_path: Path, whole: tuple[Path, float]
) -> None:
    """From its first moment to the report: killed again and again until it is through.

    Where no run was there yet, the training begins again.
    """
    _kill_and_compare(seed, fork, tmp_path, CONFIG, whole)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_frozen_backbone_killed_at_any_moment(
    seed: int, fork: StartFork, tmp_path: Path, tuned: tuple[Path, float]
) -> None:
    """In the training of the head on features, and in the fine-tuning."""
    _kill_and_compare(seed, fork, tmp_path, FROZEN, tuned)


def _kill_and_compare(
    seed: int, fork: StartFork, folder: Path, config: str, whole: tuple[Path, float]
) -> None:
    reference, seconds = whole
    moments = random.Random(seed)  # noqa: S311 - moments, no secrets
    process, run = begin(fork, folder, config), folder / "runs" / "digits-1"
    for _ in range(3):
        time.sleep(moments.uniform(0, seconds))
        process.kill()
        process.communicate()
        if not (run / "card.json").exists():
            for path in sorted((folder / "runs").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            process = begin(fork, folder, config)
        elif json.loads((run / "card.json").read_text())["complete"]:
            break
        else:
            process = fork("train", "--resume", "last", "--device", "cpu")
    assert finished(process) in {0, -9}
    assert_same(run, reference)


def wait_for_checkpoint(run: Path, seen: str, seconds: float) -> str:
    """Wait until the newest checkpoint is another than `seen`; return its name."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if list((run / "state").glob("*.npz")) and newest(run).name != seen:
            return newest(run).name
        time.sleep(0.001)
    pytest.fail("no checkpoint came")
