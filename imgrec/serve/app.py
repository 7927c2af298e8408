"""The ASGI application: requests in, through the handlers of the routes, responses out."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from imgrec.errors import ImgrecError
from imgrec.serve.access_log import AccessLog
from imgrec.serve.connection import GONE
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal, problem
from imgrec.serve.limits import held, read_body
from imgrec.serve.routes import ROUTES, Route
from imgrec.serve.security import Security
from imgrec.serve.service import Service
from imgrec.text import either

log = logging.getLogger("imgrec")

# What answers a path is remembered for as many paths, none of them longer.
_PATHS, _LONGEST_PATH = 1024, 256
_GONE_STATUS = 499
_NO_ROUTE = "none"
# Stands for a slash in a name, `%2F`: no text that is decoded has a lone surrogate.
_SLASH = "\udc2f"
_BUG = Refusal(500, "the service failed to answer", hint="its log says why")


class Application:
    """Answers requests by the handlers of routes.

    Args:
        service: Answers the questions.
        security: Who may ask.
        access_log: Gets each request.
        routes: What is answered.
    """

    def __init__(
        self,
        service: Service,
        security: Security | None = None,
        access_log: AccessLog | None = None,
        routes: Sequence[Route] = ROUTES,
    ) -> None:
        self._service = service
        self.security = security or Security()
        self._access_log = access_log or AccessLog(None)
        # A random number for each request would take a system call.
        self._prefix, self._numbers = secrets.token_hex(8), itertools.count(1)
        self._starlette = Starlette(
            routes=[
                StarletteRoute(path, _Endpoint(self, by_method))
                for path, by_method in _by_path(routes).items()
            ],
            exception_handlers={HTTPException: self._not_found},
        )
        # Requests that are refused have to be cheap.
        self._found = lru_cache(_PATHS)(self._find)

    def for_origins(self, origins: Sequence[str]) -> ASGIApp:
        """Return the ASGI application, which web pages of these origins may ask."""
        if not origins:
            return self
        return CORSMiddleware(
            self,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            expose_headers=["x-request-id", "retry-after"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application."""
        path = scope["raw_path"]
        find = self._found if len(path) <= _LONGEST_PATH else self._find
        application, scope["path_params"] = find(scope["method"], path)
        if application is self._starlette:
            scope["path"] = path.decode("ascii")  # in which `%2F` is no slash, either
        await application(scope, receive, send)

    def _find(self, method: str, path: bytes) -> tuple[ASGIApp, Mapping[str, Any]]:
        """Return what answers requests of a path, and the values of the names in it."""
        parts = [unquote(each).replace("/", _SLASH) for each in path.decode("ascii").split("/")]
        scope = {"type": "http", "method": method, "path": "/".join(parts)}
        for route in self._starlette.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                values = found["path_params"].items()
                return found["endpoint"], {key: text.replace(_SLASH, "/") for key, text in values}
        return self._starlette, {}

    async def answer(self, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a route."""
        began = time.perf_counter()
        identifier = self._identifier()
        request = _head(scope, identifier, self._service.limits.photos)
        if task := asyncio.current_task():
            scope[GONE] = task.cancel
        try:
            with held(self._service.admission) as hold:
                response = await self._response(route, request, receive, hold)
        except asyncio.CancelledError:  # nobody waits for the response
            response = HttpResponse(b"", status=_GONE_STATUS)
            self._service.metrics.gone.inc()
        else:
            await self._send(response, identifier, send)
        seconds = time.perf_counter() - began
        self._note(route.path, request, scope, response, seconds)

    async def _response(
        self, route: Route, request: HttpRequest, receive: Receive, hold: Any
    ) -> HttpResponse:
        service = self._service
        try:
            self.security.check_origin(request.headers)
            if route.right is not None:
                self.security.check_right(request.headers, route.right)
            if route.asks:
                service.admission.require_room()
            body = await read_body(receive, request.headers, service.limits, hold)
            return await route.handler(service, request.with_body(body))
        except Refusal as refusal:
            return route.refuse(refusal, request)
        except ImgrecError as error:
            return route.refuse(Refusal.of(error), request)
        except Exception:
            log.exception("request %s failed", request.id)
            return route.refuse(_BUG, request)

    async def _send(self, response: HttpResponse, identifier: str, send: Send) -> None:
        headers = [
            (b"content-type", response.content_type.encode("latin-1")),
            (b"content-length", str(len(response.body)).encode()),
            (b"x-request-id", identifier.encode()),
            *((name.encode(), value.encode()) for name, value in response.headers.items()),
        ]
        if self._service.draining and "connection" not in response.headers:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _not_found(self, request: Request, error: Exception) -> Response:
        """Answer a request of no route."""
        began, identifier = time.perf_counter(), self._identifier()
        status = error.status_code if isinstance(error, HTTPException) else 404
        detail, given = f"there is no {request.url.path}", HttpRequest(id=identifier)
        response = problem(Refusal(status, detail, hint="/docs lists all requests"), given)
        self._note(_NO_ROUTE, given, request.scope, response, time.perf_counter() - began)
        headers = {"x-request-id": identifier}
        if isinstance(error, HTTPException) and error.headers:
            headers |= error.headers
        return Response(response.body, status, headers, response.content_type)

    def _identifier(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    def _note(
        self,
        route: str,
        request: HttpRequest,
        scope: Scope,
        response: HttpResponse,
        seconds: float,
    ) -> None:
        metrics = self._service.metrics
        metrics.requests.labels(route, str(response.status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        if response.status == 503:
            metrics.shed.inc()
        client = scope.get("client")
        self._access_log.add(
            request.id,
            client[0] if client else "",
            scope["method"],
            scope["path"],
            response.status,
            seconds,
        )


class _Endpoint:
    """The routes of a path as an ASGI application."""

    def __init__(self, application: Application, by_method: Mapping[str, Route]) -> None:
        self._application, self._by_method = application, by_method
        self._other = _refusing_methods(by_method)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        route = self._by_method.get(method, self._other)
        await self._application.answer(route, scope, receive, send)


def _refusing_methods(by_method: Mapping[str, Route]) -> Route:
    """Return the route of a path for the methods that it does not take."""
    allowed = [*by_method, *(["HEAD"] if "GET" in by_method else [])]
    headers = {"allow": ", ".join(allowed)}

    async def refuse(_service: Service, _request: HttpRequest) -> HttpResponse:
        hint = f"use {either(list(by_method))}"
        raise Refusal(405, "the address does not take this method", hint=hint, headers=headers)

    return replace(next(iter(by_method.values())), methods=(), handler=refuse, asks=False)


def _by_path(routes: Sequence[Route]) -> Mapping[str, Mapping[str, Route]]:
    """Return the routes of each path by their method, of several the first one."""
    found: dict[str, dict[str, Route]] = {}
    for route in routes:
        for method in route.methods:
            found.setdefault(route.path, {}).setdefault(method, route)
    return found


def _head(scope: Scope, identifier: str, max_photos: int) -> HttpRequest:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    query = dict(QueryParams(scope["query_string"])) if scope["query_string"] else {}
    return HttpRequest(
        content_type=content_type,
        headers=headers,
        query=query,
        path=scope["path_params"],
        id=identifier,
        max_photos=max_photos,
    )
