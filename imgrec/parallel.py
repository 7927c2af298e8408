"""Process many items in threads, and return the results in order."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
