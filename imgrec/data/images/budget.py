"""Memory for large images, shared by all threads."""

from __future__ import annotations

import threading
from collections import deque
from typing import Self

from imgrec.allocator import give_blocks_back
from imgrec.data.records import MAX_MEGAPIXELS

MEMORY_PER_PIXEL = 9
"""Bytes that an image may take for each pixel of its limit, its file and copies among them."""

# Pillow allocates large images in blocks of 16 MiB.
_LARGE_BLOCK = 4 << 20

UNCOUNTED_BYTES = 4 * 10**6
"""Bytes up to which an image is decoded without waiting, and without being counted."""


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

    def reserved(self, size: int) -> Share:
        """Return a context that waits until `size` bytes are left, and holds them.

        Up to UNCOUNTED_BYTES are granted at once and not counted.
        """
        return Share(self, min(size, self._total) if size > UNCOUNTED_BYTES else 0)

    def take(self, size: int) -> None:
        """Wait until `size` bytes are left, and take them."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket and size <= self._left)
                self._left -= size
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def take_at_once(self, size: int) -> bool:
        """Return whether `size` bytes could be taken without waiting; those who wait come first."""
        with self._changed:
            if self._queue or size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Let others have `size` bytes that were taken."""
        with self._changed:
            self._left += size
            self._changed.notify_all()

    def at_most(self, size: int) -> int:
        """Return `size`, or all that the budget has."""
        return min(size, self._total)


class Share:
    """Bytes of a budget that one thread holds in a `with` block; see `MemoryBudget.reserved`."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: MemoryBudget, size: int) -> None:
        self._budget, self._size = budget, size

    def __enter__(self) -> Self:
        if self._size:
            self._budget.take(self._size)
        return self

    def __exit__(self, *_: object) -> None:
        if self._size:
            self._budget.give_back(self._size)

    def grow(self, size: int) -> bool:
        """Return whether the share has `size` bytes now; it never waits for them."""
        if size <= UNCOUNTED_BYTES or size <= self._size:
            return True
        size = self._budget.at_most(size)
        if size > self._size and not self._budget.take_at_once(size - self._size):
            return False
        self._size = max(size, self._size)
        return True


MEMORY = MemoryBudget(MEMORY_PER_PIXEL * MAX_MEGAPIXELS * 10**6)
"""What the images that all threads decode at a time may take."""

give_blocks_back(_LARGE_BLOCK)
