"""The life of the server: signals, and an end at which every request has its answer."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, cast

import uvicorn

from imgrec.serve.connection import Connection

# Linux' number of the option, and the program: let no packet through that has the flag SYN, which
# is in byte 13 of the TCP header.
_ATTACH_FILTER = 26
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))

# Who has begun to connect takes one more packet.
_CONNECTING_SECONDS = 0.05

_ENDING = (signal.SIGTERM, signal.SIGINT)
_RELOAD = getattr(signal, "SIGHUP", None)

# A client that asks again and again has sent its next request long before; others see the
# connection close, as it may at any time.
_IDLE_SECONDS = 3.0
_STEP = 0.02


class Server(uvicorn.Server):
    """uvicorn's server, which loses no request when it is ended.

    Args:
        config: Its protocol is a Connection.
        grace: Seconds that requests have to be answered after a signal.
        on_drain: Called when a signal ends the service.
        on_reload: Called when SIGHUP arrives.
        on_tick: Called ten times a second.
        on_end: Called when no request is answered any more, before their threads are waited for.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        grace: float,
        *,
        on_drain: Callable[[], None],
        on_reload: Callable[[], None],
        on_tick: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._grace = grace
        self._on_drain, self._on_reload = on_drain, on_reload
        self._tick, self._on_end = on_tick, on_end
        self.signal: int | None = None
        """The signal that ended the service."""
        self.drained = True
        """Whether every request had its answer."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals as long as the service runs."""
        numbers = [*_ENDING, *([_RELOAD] if _RELOAD else [])]
        before = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections from now on."""
        loop, backlog = asyncio.get_running_loop(), self.config.backlog
        self.servers = [
            await loop.create_server(self._new_connection, sock=each, backlog=backlog, **self._tls)
            for each in sockets or ()
        ]
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """Look at the time that connections take."""
        self._tick()
        now = asyncio.get_running_loop().time()
        if counter % 10 == 0:
            for each in self._connections:
                each.check(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, for as long as the grace lasts."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._grace
        for server in self.servers:
            await self._stop_listening(server)
        while self._connections and not self.force_exit and loop.time() < end:
            for each in self._connections:
                each.close_if_idle(loop.time(), _IDLE_SECONDS)
                each.check(loop.time())
            await asyncio.sleep(_STEP)
        self.drained = not any(each.answering for each in self._connections)
        for each in self._connections:
            each.abort()
        await asyncio.sleep(0)  # their requests are cancelled
        self._on_end()
        self._tick()

    async def _stop_listening(self, server: asyncio.Server) -> None:
        """Close the sockets of a server; what has connected already is answered."""
        copies = [each.dup() for each in server.sockets]
        server.close()
        for each in copies:
            drop_new_connections(each)
        await asyncio.sleep(_CONNECTING_SECONDS)
        for each in copies:
            each.setblocking(False)  # noqa: FBT003  # it has no name
            accepted = []
            with each, suppress(BlockingIOError, InterruptedError):
                while True:
                    accepted.append(each.accept()[0])
            for connected in accepted:
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._new_connection, connected, **self._tls
                )

    @property
    def _tls(self) -> dict[str, Any]:
        """What encrypts a connection, in no more time than the head of a request may take."""
        ssl, seconds = self.config.ssl, self._kind.limits.head_seconds
        return {"ssl": ssl, "ssl_handshake_timeout": seconds} if ssl else {}

    @property
    def _kind(self) -> type[Connection]:
        return cast("type[Connection]", self.config.http)

    def _new_connection(self) -> Connection:
        return self._kind(self.config, self.server_state, self.lifespan.state)

    @property
    def _connections(self) -> list[Connection]:
        return cast("list[Connection]", list(self.server_state.connections))

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == _RELOAD:
            self._on_reload()
            return
        if self.should_exit:  # the second time
            self.force_exit = True
        self.signal = self.signal or number
        self.should_exit = True
        self._on_drain()


def drop_new_connections(listener: socket.socket) -> None:
    """Have Linux ignore those who connect from now on; who has connected can still be accepted.

    Otherwise, who connects after the last one was accepted and before the socket is closed would
    be let in, and then lose the connection. Ignored, a client tries again, and is refused.
    """
    if sys.platform == "linux":
        program = b"".join(struct.pack("HBBI", *each) for each in _NO_SYN)
        content = ctypes.create_string_buffer(program)
        described = struct.pack("@HP", len(_NO_SYN), ctypes.addressof(content))
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, described)
