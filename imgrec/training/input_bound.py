"""How much of a training's time its device waits for images.

That is the time from when a step is done until the next batch is there, read and augmented.
Bringing the batch to the device, callbacks and checkpoints are not in it: they count as work,
though a GPU has nothing to compute then. So the share is what a faster input could save, not all of
the time that a GPU is idle.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from imgrec.training.observers import EpochEnd, StepEnd, TrainingObserver

log = logging.getLogger("imgrec")


class InputWait(TrainingObserver):
    """Measures the share of an epoch's training in which the device had no batch.

    Args:
        device: What it is called in the log: `cpu` or `gpu`.
        finish: Returns when the device is done with the last step. It is called after each step,
            as the device would wait for what is waited for from then on.
    """

    def __init__(self, device: str, finish: Callable[[], object]) -> None:
        self._device, self._finish = device.upper(), finish
        self._waited = self._whole = 0.0

    @property
    def share(self) -> float:
        """From 0 to 1, of the epoch's steps so far; 0 where there were none."""
        return self._waited / self._whole if self._whole else 0.0

    def step(self, event: StepEnd) -> None:
        """Add the step, and the time until the device is done with it."""
        if event.step == 1:
            self._waited = self._whole = 0.0
        began = time.monotonic()
        self._finish()
        self._waited += event.waited
        self._whole += event.seconds + time.monotonic() - began

    def epoch(self, event: EpochEnd) -> None:
        """Log the share of the epoch."""
        if self._whole:
            log.info(
                "the %s waited for images for %.1f %% of the epoch", self._device, 100 * self.share
            )
        self._waited = self._whole = 0.0
