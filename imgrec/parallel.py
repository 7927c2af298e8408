"""Work on many items in several threads, answered in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Iterator[Result]:
    """Yield `function` of each item, in the order of `items`, worked out in `workers` threads.

    At most `ahead` items (at least 1) are taken before the consumer asks for them. Where the
    consumer stops early, work not yet begun is dropped and the threads end. What `function`
    raises is raised here, at its item's turn.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="imgrec")
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def usable_cores() -> int:
    """Return how many threads are worth starting: the cores this process may use, at most 16."""
    usable = getattr(os, "sched_getaffinity", None)
    return min(16, len(usable(0)) if usable else os.cpu_count() or 1)
