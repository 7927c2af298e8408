"""A generator of requests for `imgrec serve` that takes little processor time itself.

python -m tools.load http://127.0.0.1:8000 PHOTO... --clients 16 --seconds 10 [--rate 100]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit


@dataclass
class Load:
    """What came of the requests.

    Args:
        statuses: How many answers had each HTTP status; 0 for connections that ended without one.
        seconds: How long each answer with status 200 took, from when it was due.
        wall: Seconds from the first request to the last answer.
        processor: Seconds of processor time that this took.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0
    processor: float = 0.0

    @property
    def rate(self) -> float:
        """Answers with status 200 a second."""
        return len(self.seconds) / self.wall

    def quantile(self, share: float) -> float:
        """Return the seconds within which a share of those answers came."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    def document(self) -> dict[str, object]:
        """Return the figures for people."""
        requests = sum(self.statuses.values())
        return {
            "requests": requests,
            "statuses": dict(self.statuses),
            "answers_per_second": round(self.rate, 1),
            "p50_ms": round(1e3 * self.quantile(0.5), 1),
            "p99_ms": round(1e3 * self.quantile(0.99), 1),
            "own_ms_per_request": round(1e3 * self.processor / requests, 3),
        }


class _Client(asyncio.Protocol):
    """A connection on which one request at a time is sent; just enough of HTTP is read."""

    def __init__(self) -> None:
        self._answered: asyncio.Future[int] | None = None
        self._received = bytearray()
        self._missing = -1
        self.closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._missing < 0:
            head, found, _ = self._received.partition(b"\r\n\r\n")
            if not found:
                return
            self._status = int(head[9:12])
            head = head.lower()
            self.closes = b"connection: close" in head
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._missing = int(length or b"0") + len(head) + 4
        if len(self._received) >= self._missing and self._answered and not self._answered.done():
            self._answered.set_result(self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_result(0)

    async def send(self, request: bytes) -> int:
        """Send a request, and return the status of the answer, 0 if there is none."""
        self._received.clear()
        self._missing = -1
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answered


async def load(
    address: str,
    requests: Sequence[bytes],
    *,
    clients: int,
    seconds: float,
    rate: float = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Load:
    """Send requests for some time, or until connections are refused; return what came of them.

    Args:
        address: Such as `http://127.0.0.1:8000`.
        requests: Whole HTTP requests, which are sent in turn.
        clients: The number of connections.
        seconds: For how long new requests are sent.
        rate: How many a second in all, whether the earlier ones were answered or not, as far as
            there are connections left; 0 for as many as are answered.
        stop: Asked before each request whether to send no more.
    """
    parts = urlsplit(address)
    found, turn = Load(), itertools.cycle(requests)
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    due = _due(begin, rate)
    await asyncio.gather(
        *(
            _client(
                found,
                (parts.hostname or "", parts.port or 80),
                turn,
                due,
                lambda start: max(start, time.perf_counter()) >= begin + seconds or stop(),
            )
            for _ in range(clients)
        )
    )
    after = resource.getrusage(resource.RUSAGE_SELF)
    found.wall = time.perf_counter() - begin
    found.processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found


def _due(begin: float, rate: float) -> Iterator[float]:
    return (begin + number / rate for number in itertools.count()) if rate else itertools.repeat(0)


async def _client(
    found: Load,
    address: tuple[str, int],
    turn: Iterator[bytes],
    due: Iterator[float],
    is_over: Callable[[float], bool],
) -> None:
    loop, client = asyncio.get_running_loop(), None
    while True:
        start = next(due) or time.perf_counter()
        if is_over(start):
            break
        if (wait := start - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        if client is None or client.closes or client.transport.is_closing():
            if client:
                client.transport.close()
            try:
                _, client = await loop.create_connection(_Client, *address)
            except ConnectionRefusedError:  # the service has ended
                break
        status = await client.send(next(turn))
        found.statuses[status] += 1
        if status == 200:
            found.seconds.append(time.perf_counter() - start)
    if client:
        client.transport.close()


def photo_request(content: bytes, target: str = "/v1/classify") -> bytes:
    """Return the HTTP request that asks about a photo."""
    head = (
        f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def main() -> None:
    """Send requests, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--target", default="/v1/classify")
    given = parser.parse_args()
    requests = [photo_request(each.read_bytes(), given.target) for each in given.photos]
    found = asyncio.run(
        load(
            given.address,
            requests,
            clients=given.clients,
            seconds=given.seconds,
            rate=given.rate,
        )
    )
    print(json.dumps(found.document(), indent=2))


if __name__ == "__main__":
    main()
