"""How long a device waits for images."""

from __future__ import annotations

import logging
import time

import pytest

from imgrec.training.observers import EpochEnd, StepEnd
from imgrec.training.recorders import InputWait

PAUSE = 0.1
EPOCH = EpochEnd(1, 1, {}, {}, improved=False, best=None, stopped=False)


def _share(waited: float, seconds: float, finish: float = 0.0, steps: int = 3) -> float:
    waiting = InputWait("gpu", lambda: time.sleep(finish))
    for step in range(1, steps + 1):
        waiting.step(StepEnd(1, step, 1, waited, seconds))
    return waiting.share


def test_slow_images_are_waited_for() -> None:
    """Nearly all of the time goes there; without a step there is none."""
    assert 0.5 < _share(waited=0.9, seconds=1.0) <= 0.9
    assert _share(waited=0.9, seconds=1.0, steps=0) == 0


def test_a_slow_device_does_not_wait() -> None:
    """Its step ends when `finish` returns, not when the batch is handed over."""
    assert _share(waited=0.01, seconds=0.01, finish=PAUSE) < 0.5


def test_each_epoch_has_its_own_line(caplog: pytest.LogCaptureFixture) -> None:
    """It counts from its first step on; an epoch that was only validated has none."""
    waiting = InputWait("gpu", lambda: None)
    with caplog.at_level(logging.INFO, "imgrec"):
        for waited in (0.0, 0.5):
            waiting.step(StepEnd(1, 1, 1, waited, 1.0))
        waiting.epoch(EPOCH)
        waiting.epoch(EPOCH)
    assert caplog.messages == ["the GPU waited for images for 50.0 % of the epoch"]
