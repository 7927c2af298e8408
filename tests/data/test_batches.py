"""Tests of decoding in several threads."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.images import ImageSpec, decode, decode_in_order
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order

SPEC = ImageSpec(2, 3, 3)


def threads() -> int:
    """Return how many threads of ours are alive."""
    return sum(thread.name.startswith("imgrec") for thread in threading.enumerate())


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("ahead", [1, 3, 64])
def test_images_come_in_order_with_their_records(
    images: Callable[..., Path], workers: int, ahead: int
) -> None:
    """Whatever the number of threads, records and pixels keep their order."""
    names = [f"{index}.png" for index in range(20)]
    root = images(*names)
    records = [Record(name, 0, root / name) for name in names]
    results = list(decode_in_order(records, SPEC, workers, ahead))
    assert [record for record, _ in results] == records
    for record, pixels in results:
        assert isinstance(record.source, Path)
        assert np.array_equal(np.asarray(pixels), decode(record.source, SPEC))


def test_a_bad_image_comes_in_its_place(images: Callable[..., Path]) -> None:
    """An image that can't be read is given as its error, and the others still come."""
    root = images("a.png", "c.png")
    records = [Record(name, 0, root / name) for name in ("a.png", "b.png", "c.png")]
    results = [image for _, image in decode_in_order(records, SPEC)]
    assert [isinstance(image, BadImage) for image in results] == [False, True, False]
    assert str(results[1]) == "b.png: no such file"


def test_no_more_is_taken_ahead_than_said() -> None:
    """An endless source is read only as far as asked for: memory stays bounded."""
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = map_in_order(lambda number: number, endless(), 2, 5)
    assert list(itertools.islice(results, 10)) == list(range(10))
    assert len(taken) <= 15
    results.close()  # type: ignore[attr-defined]


def test_stopping_early_ends_the_threads() -> None:
    """Where the consumer closes the generator, work not begun is dropped, and no thread stays."""
    done: list[int] = []

    def slowly(number: int) -> int:
        time.sleep(0.01)
        done.append(number)
        return number

    before = threads()
    results = map_in_order(slowly, range(1000), 2, 1000)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert threads() == before
    assert len(done) < 20


def test_an_interruption_in_the_consumer_ends_the_threads() -> None:
    """Ctrl-C while results are consumed leaves nothing running."""
    before = threads()
    with pytest.raises(KeyboardInterrupt):
        _interrupted()
    assert threads() == before


def _interrupted() -> None:
    for number in map_in_order(lambda number: number, range(100), 2, 8):
        if number == 3:
            raise KeyboardInterrupt


def test_an_error_is_raised_at_its_items_turn() -> None:
    """What the function raises appears after the results before it."""
    results = map_in_order(lambda number: 1 // (2 - number), range(5), 2, 5)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_nothing_gives_nothing() -> None:
    """No records, no images."""
    assert list(decode_in_order([], SPEC)) == []
