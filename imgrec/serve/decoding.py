"""Photos are decoded in child processes: what a photo can break is one of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.child_process import ChildFailure, ChildWorker, Limits
from imgrec.data.images import ImageSpec, content_of
from imgrec.errors import BadImage, DataError, RunError
from imgrec.parallel import usable_cores
from imgrec.serve.decoder import decode_photo

# For the decoding of one photo; 100 megapixels take 900 MB.
_LIMITS = Limits(memory=3 << 29, processor_seconds=30, seconds=60)

Pixels = NDArray[np.uint8]


class DecodingPool:
    """Child processes that decode photos, each one at a time."""

    def __init__(self) -> None:
        """Prepare a process for each core, which begins when it is first needed, or by `start`."""
        processes = usable_cores()
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="decoding")
        self._idle: asyncio.Queue[_Decoder] = asyncio.Queue()
        self._all = [_Decoder() for _ in range(processes)]
        for each in self._all:
            self._idle.put_nowait(each)

    def start(self) -> None:
        """Start the processes, which get ready while the caller goes on; raise RunError."""
        for each in self._all:
            each.start()

    async def decode(
        self,
        content: bytes,
        forms: Sequence[Mapping[str, Any]],
        name: str,
        megapixels: int | None,
    ) -> tuple[Pixels, ...]:
        """Return the pixels of a photo in each form.

        Args:
            content: The encoded photo.
            forms: The fields of an ImageSpec each.
            name: What errors call it.
            megapixels: How many pixels it may have; None for the limit of each form.

        Raises:
            BadImage: The photo can't be read, crashes the decoder, or takes more than it may.
        """
        found = await self._call(name, content, forms, megapixels)
        return tuple(found[str(number)] for number in range(len(forms)))

    async def decode_whole(
        self, content: bytes, form: Mapping[str, Any], name: str, megapixels: int | None
    ) -> tuple[Pixels, Pixels]:
        """Return the pixels of a photo in a form, and all of it in its own size.

        Raises:
            BadImage: As `decode` does.
        """
        found = await self._call(name, content, [form], megapixels, True)  # noqa: FBT003
        return found["0"], found["whole"]

    async def decode_small(
        self,
        content: bytes,
        forms: Sequence[Mapping[str, Any]],
        side: int,
        name: str,
        megapixels: int | None,
    ) -> tuple[Pixels, ...]:
        """Return the pixels of a photo in each form, and all of it in RGB, smaller than a side.

        Raises:
            BadImage: As `decode` does.
        """
        found = await self._call(name, content, forms, megapixels, False, side)  # noqa: FBT003
        return (*(found[str(number)] for number in range(len(forms))), found["small"])

    def close(self) -> None:
        """End the processes."""
        for each in self._all:
            each.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _call(self, name: str, *arguments: Any) -> dict[str, Pixels]:
        decoder = await self._idle.get()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_LIMITS.seconds, decoder.expire)
        called = loop.run_in_executor(self._threads, decoder.call, name, *arguments)

        def release(done: asyncio.Future[Any]) -> None:
            timer.cancel()
            self._idle.put_nowait(decoder)
            done.cancelled() or done.exception()  # somebody may have stopped waiting for it

        called.add_done_callback(release)
        return await asyncio.shield(called)


@contextmanager
def decoding_apart() -> Iterator[Callable[[Path, ImageSpec, str], Pixels]]:
    """Decode photos, one after the other, in a child process that lives as long as the context."""
    decoder = _Decoder()

    def decode(path: Path, spec: ImageSpec, name: str) -> Pixels:
        timer = threading.Timer(_LIMITS.seconds, decoder.expire)
        timer.start()
        try:
            return decoder.call(name, content_of(path, name), [asdict(spec)])["0"]
        finally:
            timer.cancel()

    with closing(decoder):
        yield decode


class _Decoder:
    """A child process, which is replaced when it has failed."""

    def __init__(self) -> None:
        self._worker: ChildWorker | None = None

    def start(self) -> ChildWorker:
        if self._worker and self._worker.has_ended:  # while it had nothing to do
            self._worker.close()
            self._worker = None
        if self._worker is None:
            self._worker = ChildWorker(decode_photo, _LIMITS)
        return self._worker

    def call(self, name: str, *arguments: Any) -> dict[str, Pixels]:
        worker = self.start()
        try:
            return worker.call(*arguments)
        except DataError as error:
            raise BadImage(name, error.message) from error
        except ChildFailure as failure:
            worker.close()
            self._worker = None
            with suppress(RunError):  # the next call tries again
                self.start()
            raise BadImage(name, f"can't be decoded: the decoder {failure}") from failure

    def expire(self) -> None:
        if self._worker:
            self._worker.expire()

    def close(self) -> None:
        if self._worker:
            self._worker.close()
