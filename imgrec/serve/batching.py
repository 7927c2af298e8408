"""Photos of several requests go through a model at once."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import ModelOutput
from imgrec.text import join_few

log = logging.getLogger("imgrec")

LARGEST = 8
"""The most photos in a batch: with more, LiteRT gets no faster, but takes more memory."""

Photo = Sequence[NDArray[np.uint8]]
"""The pixels of one photo, as each engine takes them."""
Outputs = tuple[ModelOutput, ...]
"""The output of each engine for one photo."""


@dataclass(eq=False)
class Batched:
    """Engines that are asked about the same photos.

    Args:
        engines: At least one.
        largest: How many photos go through them at once.
        is_checked: Whether `check` has found out how many it may be.
    """

    engines: Sequence[Engine]
    largest: int = 1
    is_checked: bool = True

    @classmethod
    def opened(cls, engines: Sequence[Engine]) -> Batched:
        """Return engines that have answered a random image each, one photo at a time so far.

        Raises:
            RunError: A model can't be run.
        """
        for engine in engines:
            engine.answers(_random_images(engine, 1))
        return cls(engines, is_checked=False)

    def check(self) -> None:
        """Have batches used if each image in one has the same answer as alone, bit for bit.

        Otherwise, and if a model fails in batches, the log says so.
        """
        self.is_checked = True
        for engine in self.engines:
            if problem := _problem_in_batches(engine):
                log.info(
                    "the model of %s is asked photo by photo, which takes longer: in batches, %s",
                    join_few(engine.classes),
                    problem,
                )
                return
        self.largest = LARGEST

    def outputs(self, photos: Sequence[Photo]) -> list[Outputs]:
        """Return what the engines say of each photo."""
        found = [
            engine.answers(np.stack([photo[number] for photo in photos]))
            for number, engine in enumerate(self.engines)
        ]
        return [tuple(_row(output, place) for output in found) for place in range(len(photos))]


@dataclass(eq=False)
class _Waiting:
    batched: Batched
    photo: Photo
    found: asyncio.Future[Outputs]


class Batcher:
    """One thread, in which the photos of all requests go through the models.

    A batch takes what waits when the one before it has ended: nobody waits for it to fill.

    Args:
        observe: Called with the size of each batch, and the seconds that it took.
    """

    def __init__(
        self, observe: Callable[[int, float], None] = lambda _size, _seconds: None
    ) -> None:
        self._observe = observe
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    async def outputs(self, batched: Batched, photos: Sequence[Photo]) -> list[Outputs]:
        """Return what some engines say of each photo.

        Photos whose caller has been cancelled are left out if they still wait.

        Raises:
            RunError: A model can't be run on a photo, or gives no probabilities.
        """
        loop = asyncio.get_running_loop()
        asked = [_Waiting(batched, photo, loop.create_future()) for photo in photos]
        with self._changed:
            self._waiting.extend(asked)
            self._changed.notify()
        try:
            return [await each.found for each in asked]
        finally:
            for each in asked:
                each.found.cancel()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        # The event loop has no part in it: under load, the model would wait for its turn.
        while batch := self._next():
            began = time.perf_counter()
            found = _computed(batch)
            seconds = time.perf_counter() - began
            loop = batch[0].found.get_loop()
            with suppress(RuntimeError):  # it has ended
                loop.call_soon_threadsafe(self._deliver, batch, found, seconds)
            if self._waiting and not (batched := batch[0].batched).is_checked:
                batched.check()  # not before the first answer, which it would delay

    def _next(self) -> Sequence[_Waiting]:
        """Wait for the photos that go through a model next, and take them; none at the end."""
        with self._changed:
            while not self._closed:
                if taken := self._taken():
                    return taken
                self._changed.wait()
        return []

    def _taken(self) -> Sequence[_Waiting]:
        """Take photos for the model of the one that has waited longest."""
        self._waiting = deque(each for each in self._waiting if not each.found.done())
        if not self._waiting:
            return []
        batched = self._waiting[0].batched
        same = [each for each in self._waiting if each.batched is batched]
        # LiteRT allocates its tensors again for each other size, so that there are few of them.
        size = 1 << (min(len(same), batched.largest).bit_length() - 1)
        taken = same[:size]
        chosen = {id(each) for each in taken}
        self._waiting = deque(each for each in self._waiting if id(each) not in chosen)
        return taken

    def _deliver(
        self, batch: Sequence[_Waiting], found: Sequence[Outputs | Exception], seconds: float
    ) -> None:
        self._observe(len(batch), seconds)
        for each, outputs in zip(batch, found, strict=True):
            if each.found.done():
                continue
            if isinstance(outputs, Exception):
                each.found.set_exception(outputs)
            else:
                each.found.set_result(outputs)


def _computed(batch: Sequence[_Waiting]) -> Sequence[Outputs | Exception]:
    batched = batch[0].batched
    try:
        return batched.outputs([each.photo for each in batch])
    except RunError as error:
        if len(batch) == 1:
            return [error]
        # Only the photo that the model can't answer is refused.
        return [found for each in batch for found in _computed([each])]
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
        return [error] * len(batch)


def _row(output: ModelOutput, place: int) -> ModelOutput:
    rows = slice(place, place + 1)
    similarity = output.ood_similarity
    return ModelOutput(output.probabilities[rows], None if similarity is None else similarity[rows])


def _problem_in_batches(engine: Engine) -> str:
    """Return why a model is asked photo by photo; empty if it need not be."""
    try:
        return "" if _same_in_batches(engine) else "its answers differ"
    except Exception as error:  # noqa: BLE001 - whatever it is, photos have answers
        return f"it fails ({type(error).__name__})"


def _same_in_batches(engine: Engine) -> bool:
    """Return whether random images have the same answers in a batch as alone."""
    images = _random_images(engine, LARGEST)
    alone = [engine.answers(images[place : place + 1]) for place in (0, 1, LARGEST - 1)]
    pair, all_of_them = engine.answers(images[:2]), engine.answers(images)
    return all(
        _equal(one, _row(batch, place))
        for one, batch, place in (
            (alone[0], pair, 0),
            (alone[1], pair, 1),
            (alone[0], all_of_them, 0),
            (alone[1], all_of_them, 1),
            (alone[2], all_of_them, LARGEST - 1),
        )
    )


def _random_images(engine: Engine, count: int) -> NDArray[np.uint8]:
    size = count, engine.spec.height, engine.spec.width, engine.spec.channels
    return np.random.default_rng(0).integers(0, 256, size, np.uint8)


def _equal(one: ModelOutput, other: ModelOutput) -> bool:
    same = np.array_equal(one.probabilities, other.probabilities)
    if one.ood_similarity is None or other.ood_similarity is None:
        return same
    return same and np.array_equal(one.ood_similarity, other.ood_similarity)
