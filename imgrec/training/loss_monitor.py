"""A loss that is not finite, or that explodes: found at its step."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np

from imgrec.training.checkpoint import TrainingProgress

EXPLODED = 1000
"""How many times the loss of the first step (at least 1) that of a later step may reach."""

# A loss is read this many steps late: by then a GPU has it, and does not wait to be read.
_LATE = 8


class Diverged(Exception):
    """The training went astray; `str()` says what was found, and at which step of which epoch."""


class LossMonitor:
    """Looks at the loss of each step."""

    def __init__(self) -> None:
        self._unread: deque[tuple[int, Any]] = deque()
        self._before = np.zeros(2, np.float32)

    def begin(self, so_far: Any) -> None:
        """Take the loss of the epoch's steps before the next one: see `note`."""
        self._before = np.asarray(so_far)

    def note(self, state: TrainingProgress, so_far: Any) -> None:
        """Take the loss of the epoch after step `state.step`; look at that of an earlier step.

        so_far: the sum of the images' losses and their number, a tensor (2,). Raises Diverged.
        """
        self._unread.append((state.step, so_far))
        if len(self._unread) > _LATE:
            self._look(state)

    def settle(self, state: TrainingProgress, model: Any) -> None:
        """Look at all losses taken so far, and at the weights; raises Diverged."""
        while self._unread:
            self._look(state)
        if not all(np.isfinite(np.asarray(each)).all() for each in model.trainable_variables):
            raise Diverged(f"the weights are not finite in {_where(state, state.step)}")

    def forget(self) -> None:
        """Look at nothing taken so far: the training continues from somewhere else."""
        self._unread.clear()

    def _look(self, state: TrainingProgress) -> None:
        step, tensor = self._unread.popleft()
        so_far = np.asarray(tensor)
        total, images = so_far - self._before
        loss, self._before = float(total / images), so_far
        if state.first_loss is None:
            state.first_loss = loss
        where = _where(state, step)
        if not math.isfinite(loss):
            raise Diverged(f"the loss is {loss} in {where}")
        if loss > EXPLODED * max(1.0, state.first_loss):
            raise Diverged(
                f"the loss is {loss:.3g} in {where}, and was {state.first_loss:.3g} at first"
            )


def _where(state: TrainingProgress, step: int) -> str:
    return f"epoch {state.epoch + 1}, step {step}"
