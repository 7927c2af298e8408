"""A loss that is not a number, or explodes, is found at its step; a training can go back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.errors import RunError
from imgrec.runs.card_file import read_card
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.monitor import Diverged, LossMonitor
from imgrec.workflows.training import train

# The activation overflows as soon as a step was large.
WILD = """
name: wild
data: {loader: digits, image_size: [8, 8], channels: 1, split: {validation: 0.1, test: 0.1}}
preprocessing: {rescale: 1/255}
model: {layers: [Flatten, Dense: {units: 8, activation: exponential}]}
training:
  epochs: 2
  steps_per_epoch: 10
  metrics: []
  optimizer: {SGD: {learning_rate: %s}}
  checkpoint: {every: 3 steps}
  export: []
"""


@pytest.mark.parametrize("fine", [4, 400])
@pytest.mark.parametrize(("bad", "said"), [(math.nan, "nan"), (math.inf, "inf"), (5000.0, "5e+03")])
def test_the_step_is_named(bad: float, said: str, fine: int) -> None:
    """Early in an epoch or late; though losses are looked at some steps after they are there."""
    where = f"in epoch 2, step {fine + 1}$|{fine + 1}, and was"
    with pytest.raises(Diverged, match=where) as caught:
        _watch([2.3] * fine + [bad] * 15)
    assert str(caught.value).startswith(f"the loss is {said} in epoch 2")


def test_an_epoch_resumes_where_it_was_left() -> None:
    """What was summed before is not counted in the next step."""
    watch, state = LossMonitor(), TrainingProgress(epoch=1, step=7, first_loss=2.3)
    watch.begin(np.array([1e6, 224], np.float32))
    for step in range(8, 20):
        state.step = step
        watch.note(state, np.array([1e6 + (step - 7) * 64, 32 * step], np.float32))


def test_a_loss_that_was_high_at_first_may_stay_so() -> None:
    """What counts is how much it grew since the first step."""
    _watch([5000.0] * 20)


def _watch(losses: list[float]) -> None:
    watch, state, total = LossMonitor(), TrainingProgress(epoch=1), np.float32(0)
    for step, loss in enumerate(losses, 1):
        state.step, total = step, total + np.float32(32 * loss)
        watch.note(state, np.array([total, 32 * step], np.float32))


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_loss_that_is_not_a_number_stops_the_training(precision: str, tmp_path: Path) -> None:
    """The step is named, the run stays unfinished, and no checkpoint holds what went astray."""
    wild = parse(WILD % 1e4, "wild.yaml", [f"training.precision={precision}"])
    with pytest.raises(RunError, match=r"the (loss|weights) .* in epoch 1, step \d+$") as caught:
        train(wild, runs_dir=tmp_path)
    assert "training.on_nan" in caught.value.hint
    assert not read_card(tmp_path / "wild-1").complete
    for path in (tmp_path / "wild-1" / "state").iterdir():
        with np.load(path) as arrays:
            assert all(np.isfinite(arrays[name]).all() for name in arrays)


def test_a_training_may_go_back_and_continue_slower(tmp_path: Path) -> None:
    """With `on_nan: restore` the epoch begins again with half the rate, until it goes well."""
    found = [
        train(parse(WILD % 20.0, "wild.yaml", ["training.on_nan=restore"]), runs_dir=tmp_path).run
        for _ in range(2)
    ]
    newest = max(found[0].state.glob("*.npz"))
    with np.load(newest) as one, np.load(found[1].state / newest.name) as other:
        progress = json.loads(one["progress"].tobytes())
        for name in set(one) - {"progress"}:
            np.testing.assert_array_equal(one[name], other[name])
    assert 1 <= progress["restores"] <= 5
    assert progress["history"]["learning_rate"][-1] == 20.0 / 2 ** progress["restores"]
    assert np.isfinite(progress["history"]["loss"]).all()


def test_a_training_that_never_goes_well_is_given_up(tmp_path: Path) -> None:
    """It says how often it tried."""
    wild = parse(WILD % 1e9, "wild.yaml", ["training.on_nan=restore"])
    with pytest.raises(RunError, match="after 5 times with half the learning rate"):
        train(wild, runs_dir=tmp_path)
