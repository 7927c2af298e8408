"""The ASGI application: requests in, through the handlers of the routes, responses out."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from imgrec.errors import ImgrecError
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal
from imgrec.serve.routes import ROUTES, Route
from imgrec.serve.service import Service

MAX_BODY = 32 << 20


def application(service: Service, routes: Sequence[Route] = ROUTES) -> Starlette:
    """Return the ASGI application of a service."""
    return Starlette(
        routes=[
            StarletteRoute(each.path, _endpoint(service, each), methods=[*each.methods])
            for each in routes
        ]
    )


def _endpoint(service: Service, route: Route) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = HttpRequest(id=uuid.uuid4().hex)
        try:
            given = await _given(request, given.id)
            response = await route.handler(service, given)
        except Refusal as refusal:
            response = route.refuse(refusal, given)
        except ImgrecError as error:
            response = route.refuse(Refusal.of(error), given)
        return _sent(response, given.id)

    return endpoint


async def _given(request: Request, identifier: str) -> HttpRequest:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Refusal(413, f"the body is larger than {MAX_BODY >> 20} MiB")
    content_type = request.headers.get("content-type", "")
    return HttpRequest(
        bytes(body),
        content_type.partition(";")[0].strip().lower(),
        dict(request.headers),
        dict(request.query_params),
        request.path_params,
        identifier,
    )


def _sent(response: HttpResponse, identifier: str) -> Response:
    headers = {**response.headers, "x-request-id": identifier}
    return Response(response.body, response.status, headers, response.content_type)
