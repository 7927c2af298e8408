"""Tests of the memory that threads share for large images."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgrec.data.images import ImageSpec, decode
from imgrec.data.images.budget import MEMORY, UNCOUNTED_BYTES, MemoryBudget
from tests.data.hostile_images import webp

TOTAL = 100 * UNCOUNTED_BYTES
SOON = 0.05  # seconds


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return some threads."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def test_what_is_more_than_is_left_waits(pool: ThreadPoolExecutor) -> None:
    """It gets its bytes as soon as they are given back."""
    budget, entered = MemoryBudget(TOTAL), threading.Event()

    def work() -> None:
        with budget.reserved(TOTAL // 2):
            entered.set()

    with budget.reserved(TOTAL // 2 + 1):
        done = pool.submit(work)
        assert not entered.wait(SOON)
    done.result()
    assert entered.is_set()


def test_large_requests_are_served_in_turn(pool: ThreadPoolExecutor) -> None:
    """Later requests that would still fit don't keep a larger one waiting for ever."""
    budget, order, waits = MemoryBudget(TOTAL), list[int](), threading.Event()

    def work(size: int) -> None:
        with budget.reserved(size):
            order.append(size)

    with budget.reserved(TOTAL // 2):
        first = pool.submit(work, TOTAL)
        assert not waits.wait(SOON)
        second = pool.submit(work, 2 * UNCOUNTED_BYTES)
        assert not waits.wait(SOON)
        assert order == []
    first.result()
    second.result()
    assert order == [TOTAL, 2 * UNCOUNTED_BYTES]


def test_small_requests_never_wait() -> None:
    """However much is taken."""
    budget = MemoryBudget(TOTAL)
    with budget.reserved(10 * TOTAL), budget.reserved(UNCOUNTED_BYTES) as share:
        assert share.grow(UNCOUNTED_BYTES)
        assert not share.grow(UNCOUNTED_BYTES + 1)


def test_a_share_grows_into_what_is_left() -> None:
    """What it holds counts; all of it is given back."""
    budget = MemoryBudget(TOTAL)
    with budget.reserved(UNCOUNTED_BYTES) as share:
        assert share.grow(TOTAL)
        assert share.grow(5 * TOTAL)
    with budget.reserved(TOTAL // 2) as share, budget.reserved(TOTAL // 4) as other:
        assert not share.grow(TOTAL - 1)
        assert other.grow(TOTAL // 2)


def test_only_large_images_wait(pool: ThreadPoolExecutor) -> None:
    """A photo that takes little is decoded while others hold all the memory."""
    spec = ImageSpec(8, 8, 3)
    with MEMORY.reserved(10**12):
        large = pool.submit(decode, webp(1000, 1000), spec)
        small = pool.submit(decode, webp(100, 100), spec)
        assert small.result().shape == (8, 8, 3)
        assert not large.done()
    assert large.result().shape == (8, 8, 3)
