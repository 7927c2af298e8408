"""A generator of requests for `imgrec serve` that takes little processor time itself.

python -m tools.load http://127.0.0.1:8000 PHOTO... --clients 16 --seconds 10 [--rate 100]
"""

from __future__ import annotations

import argparse
import errno
import itertools
import json
import random
import resource
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_PIECE = 1 << 16
_TICK = 0.05

# Waking up for each request and each answer would take most of the processor time. What is late by
# this is so in the figures, too: they count from when a request was due.
_TURN = 0.003


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
    def requests(self) -> int:
        """How many requests were sent."""
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        """Answers with status 200 a second."""
        return len(self.seconds) / self.wall

    def quantile(self, share: float) -> float:
        """Return the seconds within which a share of those answers came."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    def document(self) -> dict[str, object]:
        """Return the figures for people."""
        return {
            "requests": self.requests,
            "statuses": dict(self.statuses),
            "answers_per_second": round(self.rate, 1),
            "p50_ms": round(1e3 * self.quantile(0.5), 1),
            "p99_ms": round(1e3 * self.quantile(0.99), 1),
            "own_ms_per_request": round(1e3 * self.processor / self.requests, 3),
        }


def load(
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
        rate: How many a second in all, at random times (a Poisson process), whether the earlier
            ones were answered or not, as far as there are connections left; 0 for the next one as
            soon as one is answered.
        stop: Asked again and again whether to send no more.
    """
    parts = urlsplit(address)
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    generator = _Generator((parts.hostname or "", parts.port or 80), requests, clients)
    end = begin + seconds
    found = generator.run(_due(begin, rate), lambda now: now >= end or stop())
    after = resource.getrusage(resource.RUSAGE_SELF)
    found.wall = time.perf_counter() - begin
    found.processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return found


def photo_request(
    content: bytes, target: str = "/v1/classify", content_type: str = "image/jpeg"
) -> bytes:
    """Return the HTTP request that asks about a photo."""
    head = (
        f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _due(begin: float, rate: float) -> Iterator[float]:
    """Yield when each request is due; 0 for as soon as it can be sent."""
    if not rate:
        return itertools.repeat(0.0)
    draw = random.Random(0)  # noqa: S311 - the same times each time
    return itertools.accumulate(iter(lambda: draw.expovariate(rate), None), initial=begin)


class _Generator:
    """Connections on which one request at a time is sent, all in one thread."""

    def __init__(self, address: tuple[str, int], requests: Sequence[bytes], clients: int) -> None:
        self._address, self._turn = address, itertools.cycle(requests)
        self._unopened, self._waiting, self._refused = clients, 0, False
        self._idle: list[_Connection] = []
        self._found = Load()

    def run(self, due: Iterator[float], is_over: Callable[[float], bool]) -> Load:
        """Send requests when they are due, and wait for all answers."""
        following = next(due)
        with selectors.DefaultSelector() as self._selector:
            while True:
                now = time.perf_counter()
                over = self._refused or is_over(now)
                while not over and following <= now and (self._idle or self._unopened):
                    self._send(following or now)
                    following = next(due)
                if over and not self._waiting:
                    break
                time.sleep(_TURN)
                soon = not over and (self._idle or self._unopened)
                self._receive(max(0, min(following - now - _TURN, _TICK)) if soon else _TICK)
            for key in list(self._selector.get_map().values()):
                key.data.close()
        return self._found

    def _send(self, due: float) -> None:
        connection = self._idle.pop() if self._idle else self._opened()
        self._waiting += 1
        try:
            connection.send(next(self._turn), due)
        except OSError as error:
            self._lose(connection, error)
        else:
            self._expect(connection)

    def _opened(self) -> _Connection:
        self._unopened -= 1
        connection = _Connection(self._address)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _receive(self, timeout: float) -> None:
        for key, events in self._selector.select(timeout):
            connection: _Connection = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    connection.send_more()
                    self._expect(connection)
                if events & selectors.EVENT_READ:
                    connection.receive()
            except OSError as error:
                self._lose(connection, error)
                continue
            if connection.status and connection.is_sent:
                self._take(connection)

    def _take(self, connection: _Connection) -> None:
        """Count an answer."""
        self._waiting -= 1
        self._found.statuses[connection.status] += 1
        if connection.status == 200:
            self._found.seconds.append(time.perf_counter() - connection.due)
        connection.due = 0.0
        if connection.closes:
            self._close(connection)
        else:
            self._idle.append(connection)

    def _lose(self, connection: _Connection, error: OSError) -> None:
        """Count a connection that has ended, unless nothing was asked on it."""
        if isinstance(error, ConnectionRefusedError):
            self._refused = True
        elif connection.due:
            self._found.statuses[0] += 1
        else:
            self._idle.remove(connection)
        self._waiting -= bool(connection.due)
        self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.close()
        self._unopened += 1

    def _expect(self, connection: _Connection) -> None:
        """Wait for an answer, or until more can be sent."""
        if connection.is_sent is connection.waits_to_send:
            connection.waits_to_send = not connection.is_sent
            events = selectors.EVENT_READ
            if connection.waits_to_send:
                events |= selectors.EVENT_WRITE
            self._selector.modify(connection.socket, events, connection)


class _Connection:
    """A connection; just enough of HTTP is read."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)  # noqa: FBT003 - it has no name
        self._failed = self.socket.connect_ex(address)
        self._left = self._received = b""
        self.due = 0.0
        """When its request was due; 0 if it has none."""
        self.status = 0
        """The status of the answer, once all of it is there."""
        self.closes = False
        self.waits_to_send = False

    @property
    def is_sent(self) -> bool:
        """Whether all of the request was sent."""
        return not self._left

    def send(self, request: bytes, due: float) -> None:
        """Begin to send a request; raise OSError if the connection has ended."""
        self._left, self._received, self.due, self.status = request, b"", due, 0
        if self._failed not in (0, errno.EINPROGRESS):
            raise OSError(self._failed, "")
        self.send_more()

    def send_more(self) -> None:
        """Send more of the request; raise OSError if the connection has ended."""
        with suppress(BlockingIOError):
            self._left = self._left[self.socket.send(self._left) :]

    def receive(self) -> None:
        """Read what has arrived of the answer; raise OSError if the connection has ended."""
        if not (piece := self.socket.recv(_PIECE)):
            raise ConnectionResetError
        self._received += piece
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        head = head.lower()
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or b"0"):
            self.status, self.closes = int(head[9:12]), b"\r\nconnection: close" in head

    def close(self) -> None:
        """Close it."""
        self.socket.close()


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
    found = load(
        given.address,
        requests,
        clients=given.clients,
        seconds=given.seconds,
        rate=given.rate,
    )
    print(json.dumps(found.document(), indent=2))


if __name__ == "__main__":
    main()
