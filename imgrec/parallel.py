"""Threads: of many items that are processed in order, and of BLAS."""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order, computed in threads.

    A single item is left to the calling thread.

    If the consumer stops early, work that has not begun is dropped and the threads end. An
    exception from `function` is raised in place of its result.

    Args:
        function: Called in one of the threads, or in the calling one.
        items: Consumed in the calling thread.
        workers: The number of threads.
        ahead: How many items are taken before the consumer asks for them, at least 1.
    """
    rest = iter(items)
    first = [*itertools.islice(rest, 2)]
    if len(first) <= 1:
        yield from map(function, first)
        return

    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="imgrec")
    try:
        for item in itertools.chain(first, rest):
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def usable_cores() -> int:
    """Return a sensible number of threads: the cores this process may use, at most 16."""
    usable = getattr(os, "sched_getaffinity", None)
    return min(16, len(usable(0)) if usable else os.cpu_count() or 1)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: the number of threads changes the order of its sums.

    The limit is mostly one of the whole process. It lasts until the last context of any thread
    ends; then BLAS has as many threads as before.
    """
    from threadpoolctl import threadpool_limits

    with _BLAS, threadpool_limits(1, "blas"):  # with OpenMP, each thread has a limit of its own
        yield


class _BlasLimit:
    """The limit of the process, which a thread of its own sets: only that one may change it."""

    def __init__(self) -> None:
        self._lock, self._holders = threading.Lock(), 0
        self._keeper, self._is_free = threading.Thread(), threading.Event()

    def __enter__(self) -> None:
        with self._lock:
            if not self._holders:
                is_set, self._is_free = threading.Event(), threading.Event()
                self._keeper = threading.Thread(
                    target=_limit_blas, args=(is_set, self._is_free), daemon=True
                )
                self._keeper.start()
                is_set.wait()
            self._holders += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._is_free.set()
                self._keeper.join()


_BLAS = _BlasLimit()


def _limit_blas(is_set: threading.Event, is_free: threading.Event) -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        is_set.set()
        is_free.wait()
