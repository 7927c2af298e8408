"""A connection: uvicorn's, with limits for its time and number, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imgrec.serve.exchange import PROBLEM
from imgrec.serve.limits import Limits

GONE = "imgrec.gone"
"""The key of a scope under which an application leaves what is called if the client leaves."""

_LINGER_SECONDS = 5.0
_MAX_HEAD_BYTES = 64 << 10


class Connection(HttpToolsProtocol):
    """A connection of a client; `limits` is set by the server."""

    limits = Limits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count the time; turn the client away if there are too many."""
        super().connection_made(transport)
        self._changed = self.loop.time()
        self._part: Literal["", "head", "body"] = ""
        self._head_bytes = 0
        if len(self.connections) > self.limits.connections:
            self._end_with(503, "there are too many connections", retry_after=1)

    def connection_lost(self, exc: Exception | None) -> None:
        """Have the application stop answering."""
        gone: Callable[[], object] | None = None
        if self.answering:
            gone = cast("dict[str, Any]", self.scope).get(GONE)
        super().connection_lost(exc)
        if gone is not None:
            gone()

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, and refuse a head that is too large."""
        super().data_received(data)
        if self._part == "head":
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._end_with(431, "the head of the request is too large")

    def on_message_begin(self) -> None:
        """Note that the head of a request has begun to arrive."""
        self._part, self._changed, self._head_bytes = "head", self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head of a request has arrived."""
        self._part = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a request has arrived."""
        self._part = ""
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note when the connection has become idle."""
        self._changed = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._end_with(400, msg)

    def check(self, now: float) -> None:
        """Close the connection if the head of a request takes too long, or none comes."""
        waited = now - self._changed
        if self.answering:
            return
        if self.transport.is_closing():  # the client does not read what is left
            if waited > self.limits.idle_seconds:
                self.transport.abort()
        elif self._part == "body":  # the rest of a body that nobody needs
            if waited > _LINGER_SECONDS:
                self.transport.abort()
        elif self._part == "head":
            if waited > self.limits.head_seconds:
                self._end_with(408, "the head of the request took too long")
        elif waited > self.limits.idle_seconds:
            self.transport.close()

    def close_if_idle(self, now: float, seconds: float) -> None:
        """Close the connection if no request has begun, and none came for some time."""
        if self.answering or self._part or self.transport.is_closing():
            return
        if now - self._changed >= seconds and not _has_data(self.transport):
            self.transport.close()

    def abort(self) -> None:
        """End the connection, whatever is under way."""
        self.transport.abort()

    @property
    def answering(self) -> bool:
        """Whether a request has arrived that is not answered yet."""
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _end_with(self, status: int, detail: str, *, retry_after: int = 0) -> None:
        title = HTTPStatus(status).phrase
        body = json.dumps({"title": title, "status": status, "detail": detail}).encode()
        again = f"Retry-After: {retry_after}\r\n" if retry_after else ""
        head = (
            f"HTTP/1.1 {status} {title}\r\nContent-Type: {PROBLEM}\r\n"
            f"Content-Length: {len(body)}\r\n{again}Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def _has_data(transport: Any) -> bool:
    """Return whether bytes have arrived that were not read yet."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(transport.get_extra_info("socket"), selectors.EVENT_READ)
        return bool(waiting.select(0))
