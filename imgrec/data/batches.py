"""Work on many images in several threads: Pillow lets go of Python's lock while it decodes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode
from imgrec.data.records import Photo, Record
from imgrec.errors import BadImage

Item = TypeVar("Item")
Named = TypeVar("Named", Record, Photo)
Result = TypeVar("Result")


def decoded(
    records: Iterable[Named], spec: ImageSpec, workers: int = 2, ahead: int = 64
) -> Iterator[tuple[Named, NDArray[np.uint8] | BadImage]]:
    """Yield each record with its pixels, uint8 (height, width, channels), in order.

    A record that can't be decoded comes with the BadImage that says why. `records` may be
    endless: at most `ahead` images are in memory before the consumer asks for them.
    """
    return in_order(partial(_decoded, spec=spec), records, workers, ahead)


def in_order(
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


def _decoded(record: Named, spec: ImageSpec) -> tuple[Named, NDArray[np.uint8] | BadImage]:
    if isinstance(record.source, BadImage):
        return record, record.source
    try:
        return record, decode(record.source, spec, record.name)
    except BadImage as error:
        return record, error
