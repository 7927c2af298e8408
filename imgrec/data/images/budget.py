"""Memory for large images, shared by all threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgrec.data.records import MAX_MEGAPIXELS

MEMORY_PER_PIXEL = 9
"""Bytes that an image may take for each pixel of its limit, its file and copies among them."""

SMALL = 4 * 10**6
"""Bytes up to which an image is decoded without waiting, and without being counted."""


@dataclass
class Share:
    """Bytes of a budget that one thread holds."""

    size: int


class MemoryBudget:
    """Bytes that all threads together may take for large images.

    Whoever needs more than is left waits in a queue, and holds nothing meanwhile.

    Args:
        total: How many bytes. An image that needs more gets all of them.
    """

    def __init__(self, total: int) -> None:
        self._total, self._left = total, total
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, size: int) -> Iterator[Share]:
        """Wait until `size` bytes are left, and hold them; up to SMALL bytes there is no wait."""
        share = Share(min(size, self._total) if size > SMALL else 0)
        if share.size:
            self._wait_for(share.size)
        try:
            yield share
        finally:
            if share.size:
                with self._changed:
                    self._left += share.size
                    self._changed.notify_all()

    def grow(self, share: Share, size: int) -> bool:
        """Return whether `share` has `size` bytes now; it grows only if nobody waits."""
        size = min(size, self._total)
        if size <= max(SMALL, share.size):
            return True
        with self._changed:
            more = size - share.size
            if self._queue or more > self._left:
                return False
            self._left -= more
            share.size = size
            return True

    def _wait_for(self, size: int) -> None:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket and size <= self._left)
                self._left -= size
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()


MEMORY = MemoryBudget(MEMORY_PER_PIXEL * MAX_MEGAPIXELS * 10**6)
"""What the images that all threads decode at a time may take."""
