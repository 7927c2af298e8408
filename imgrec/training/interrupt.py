"""Ctrl-C and SIGTERM while TensorFlow works: noted at once, acted on between two steps.

An exception that a signal's handler raises inside TensorFlow's native code ends the process with
a segmentation fault, or comes out as another error.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal waits: stop here."""


class Signals:
    """What has arrived; `number` is None until something has."""

    def __init__(self) -> None:
        self.number: int | None = None

    def check(self) -> None:
        """Raise Interrupted if a signal has arrived."""
        if self.number is not None:
            raise Interrupted


@contextmanager
def deferred_signals() -> Iterator[Signals]:
    """Note Ctrl-C and SIGTERM within the block; what they do, they do at its end.

    A second one ends the process at once. If the block raises anything but Interrupted, that
    counts, and the signal is dropped. Signals that are ignored stay so; outside the main thread
    nothing is deferred.
    """
    signals = Signals()
    stopped: Interrupted | None = None
    handlers: dict[signal.Signals, Any] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        signals.number = number
        for each in handlers:
            signal.signal(each, signal.SIG_DFL)

    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        handlers = {key: each for key, each in handlers.items() if each != signal.SIG_IGN}
    try:
        for number in handlers:
            signal.signal(number, note)
        yield signals
    except Interrupted as error:
        stopped = error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if signals.number is not None:
        signal.raise_signal(signals.number)
    if stopped is not None:  # the signal's own handler raised nothing
        raise stopped
