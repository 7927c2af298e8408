"""What a request and all of them together may take."""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imgrec.serve.exchange import MAX_PHOTOS, Refusal
from imgrec.text import count_of

MIB = 1 << 20

EXPLANATION_COST = 16
"""As many photos as explaining one counts for, among those that wait."""

Receive = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Limits:
    """What a request and all of them together may take.

    Args:
        body: Bytes of a body, also after decompression.
        bodies: Bytes of all bodies that are held at a time.
        photos: Photos in a request.
        megapixels: Pixels of a photo; None for the limit of the model, `data.max_megapixels`.
        waiting: Photos that are being answered or wait for it.
        connections: Open connections.
        head_seconds: Until the head of a request has arrived.
        idle_seconds: Without a byte of a request, or between two requests.
        body_seconds: Until the body of a request has arrived.
    """

    body: int = 32 * MIB
    bodies: int = 512 * MIB
    photos: int = MAX_PHOTOS
    megapixels: int | None = None
    waiting: int = 32
    connections: int = 512
    head_seconds: float = 10.0
    idle_seconds: float = 20.0
    body_seconds: float = 300.0


class Admission:
    """Counts the photos that are being answered or wait for it, and bytes that are held.

    Whoever comes when there are too many is told so at once.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seconds = 0.01
        self.photos = 0
        self.bytes = 0

    def require_room(self) -> None:
        """Raise a Refusal, 503, if no photo is admitted now."""
        if self.photos >= self._limits.waiting:
            raise self._busy()

    @contextmanager
    def admitted(self, photos: int, cost: int) -> Iterator[None]:
        """Count some photos until the context ends.

        Args:
            photos: How many there are in a request.
            cost: As how many they count: more if they take longer.

        Raises:
            Refusal: 413, there are more than a request may have; 503, there are too many waiting.
        """
        if photos > self._limits.photos:
            raise Refusal.too_many_photos(self._limits.photos)
        # A large request is admitted when nothing else waits, whatever the limit.
        if self.photos and self.photos + cost > self._limits.waiting:
            raise self._busy()
        self.photos += cost
        try:
            yield
        finally:
            self.photos -= cost

    def took(self, photos: int, seconds: float) -> None:
        """Note how long a model took for some photos, for the time after which to try again."""
        self._seconds += 0.1 * (seconds / photos - self._seconds)

    def hold(self, size: int) -> None:
        """Count bytes that are held; raise a Refusal, 503, if there are too many."""
        if self.bytes + size > self._limits.bodies:
            raise self._busy()
        self.bytes += size

    def release(self, size: int) -> None:
        """Stop counting bytes."""
        self.bytes -= size

    def _busy(self) -> Refusal:
        after = max(1, math.ceil(self.photos * self._seconds))
        return Refusal(
            503,
            "the service is busy",
            hint=f"try again in {count_of(after, 'second')}",
            headers={"retry-after": str(after)},
        )


@contextmanager
def held(admission: Admission) -> Iterator[Callable[[int], None]]:
    """Yield a function that counts bytes as held until the context ends."""
    total = 0

    def hold(size: int) -> None:
        nonlocal total
        admission.hold(size)
        total += size

    try:
        yield hold
    finally:
        admission.release(total)


async def read_body(
    receive: Receive, headers: Mapping[str, str], limits: Limits, hold: Callable[[int], None]
) -> bytes:
    """Return the body of a request, decompressed.

    Args:
        receive: Of ASGI.
        headers: Those of the request.
        limits: What it may take.
        hold: Called with the sizes of what is kept.

    Raises:
        Refusal: 413, it is too large; 408, it takes too long; 415, it is compressed in a way that
            is not known; 400, it is not compressed as it says.
    """
    if int(headers.get("content-length", "0")) > limits.body:
        raise _too_large(limits)
    pieces, size, more = list[bytes](), 0, True
    end = asyncio.get_running_loop().time() + limits.body_seconds
    while more:
        message = await _next(receive, limits, end)
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > limits.body:
            raise _too_large(limits)
        hold(len(piece))
        pieces.append(piece)
    return _decompressed(b"".join(pieces), headers.get("content-encoding", ""), limits, hold)


async def _next(receive: Receive, limits: Limits, end: float) -> Any:
    until = min(end, asyncio.get_running_loop().time() + limits.idle_seconds)
    try:
        async with asyncio.timeout_at(until):
            return await receive()
    except TimeoutError:
        raise Refusal(
            408, "the body of the request took too long", headers={"connection": "close"}
        ) from None


def _decompressed(body: bytes, coding: str, limits: Limits, hold: Callable[[int], None]) -> bytes:
    if coding.lower() in ("", "identity"):
        return body
    if coding.lower() not in ("gzip", "deflate"):
        raise Refusal(
            415, f"the body has the coding {coding}", hint="use gzip or deflate, or leave it as is"
        )
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either header
    try:
        found = decoder.decompress(body, limits.body + 1)
    except zlib.error:
        raise Refusal(400, f"the body is not {coding}, as it says") from None
    if len(found) > limits.body:
        raise _too_large(limits)
    if not decoder.eof:
        raise Refusal(400, f"the {coding} of the body has no end")
    hold(len(found))
    return found


def _too_large(limits: Limits) -> Refusal:
    return Refusal(
        413, f"the body is larger than {limits.body >> 20} MiB", hint="send fewer photos at once"
    )
