"""How long a device waits for images."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from imgrec.training.batch import Batch
from imgrec.training.input_bound import InputWait

BATCH = Batch(np.zeros((1, 1, 1, 1), np.float32), np.zeros(1), np.ones(1, np.float32))
PAUSE = 0.1


def _slow(batches: int) -> Iterator[Batch]:
    for _ in range(batches):
        time.sleep(PAUSE)
        yield BATCH


@pytest.mark.parametrize("batches", [0, 3])
def test_slow_images_are_waited_for(batches: int) -> None:
    """All of the time goes there; every batch is passed on."""
    waiting = InputWait()
    assert len(list(waiting.over(_slow(batches), lambda: None))) == batches
    assert 0.5 * bool(batches) <= waiting.share <= bool(batches)


def test_a_slow_device_does_not_wait() -> None:
    """Its step ends when `finish` returns, not when the next batch is asked for."""
    waiting = InputWait()
    list(waiting.over([BATCH] * 3, lambda: time.sleep(PAUSE)))
    assert waiting.share < 0.5
