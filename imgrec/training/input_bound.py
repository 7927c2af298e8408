"""How much of a training's time its device waits for images.

That is the time from when a step is done until the next batch is there, read and augmented.
Bringing the batch to the device, callbacks and checkpoints are not in it: they count as work,
though a GPU has nothing to compute then. So the share is what a faster input could save, not all of
the time that a GPU is idle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from imgrec.training.batch import Batch


class InputWait:
    """Measures the share of the time in which steps had no batch to begin with."""

    def __init__(self) -> None:
        self._waited = self._whole = 0.0

    @property
    def share(self) -> float:
        """From 0 to 1, of the batches so far; 0 where there were none."""
        return self._waited / self._whole if self._whole else 0.0

    def over(self, batches: Iterable[Batch], finish: Callable[[], object]) -> Iterator[Batch]:
        """Yield the batches; `finish` is called after the consumer had each one.

        It returns when the device is done with the step: what is waited for from then on, it
        waits for too.
        """
        asked = time.monotonic()
        for batch in batches:
            self._waited += time.monotonic() - asked
            yield batch
            finish()
            self._whole, asked = self._whole + time.monotonic() - asked, time.monotonic()
