"""Models that are opened again while the service runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from imgrec.errors import ImgrecError
from imgrec.serve.app import Application
from imgrec.serve.exchange import Refusal
from imgrec.serve.security import Security
from imgrec.serve.service import Service
from imgrec.text import printable

log = logging.getLogger("imgrec")

# Of ten ticks a second.
_TICKS = 20


class Reloading:
    """Opens models again on SIGHUP, and if asked to when their runs have changed.

    Args:
        service: Whose models they are.
        application: Gets the tokens, which are read again on SIGHUP.
        security: Reads the tokens.
        watch: Whether to look for runs that have changed.
    """

    def __init__(
        self,
        service: Service,
        application: Application,
        security: Callable[[], Security],
        *,
        watch: bool,
    ) -> None:
        self._service, self._application, self._security = service, application, security
        self._watch, self._ticks = watch, 0
        self._requested = False
        self._task: asyncio.Task[None] | None = None

    def request(self) -> None:
        """Have everything opened again soon; called in a signal handler."""
        self._requested = True

    def tick(self) -> None:
        """Begin what is due; called some times a second."""
        self._ticks += 1
        if self._service.draining or (self._task and not self._task.done()):
            return
        if self._requested:
            self._requested = False
            self._task = asyncio.create_task(self._all())
        elif self._watch and self._ticks % _TICKS == 0:
            self._task = asyncio.create_task(self._changed())

    async def _all(self) -> None:
        try:
            self._application.security = self._security()
        except ImgrecError as error:
            log.warning("tokens and certificate stay as they were: %s", error.message)
        for each in list(self._service.models):
            await self._reload(each.name)

    async def _changed(self) -> None:
        for name in await asyncio.to_thread(self._service.changed):
            await self._reload(name)

    async def _reload(self, name: str) -> None:
        try:
            await self._service.reload(name)
            log.info("model %s was opened again", printable(name))
        except Refusal as refusal:
            log.warning("model %s stays as it was: %s", printable(name), refusal.detail)
