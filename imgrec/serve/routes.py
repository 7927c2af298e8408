"""The table of what the service answers: paths, methods, handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from imgrec.report.documents import ClassificationDocument
from imgrec.serve import operating
from imgrec.serve.classify import ClassifyQuery, ClassifyRequest, read_question, write_answer
from imgrec.serve.exchange import (
    Answer,
    HttpRequest,
    HttpResponse,
    Question,
    json_response,
    problem,
)
from imgrec.serve.openapi import RouteDocs, openapi_document
from imgrec.serve.protocols import PROTOCOLS, Protocol, Refuse, Status
from imgrec.serve.security import Right
from imgrec.serve.service import Service

Handler = Callable[[Service, HttpRequest], Awaitable[HttpResponse]]

_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Route:
    """A path that the service answers.

    Args:
        path: With names of parameters in braces, as in `/v1/models/{name}`.
        methods: In capitals.
        handler: Answers a request, or raises Refusal or ImgrecError.
        refuse: The protocol's form of an error.
        right: What a token has to allow; None for everybody.
        asks: Whether photos are classified, so that it is refused at once if too many wait.
        docs: What the description of the API says of it; None for nothing.
    """

    path: str
    methods: tuple[str, ...]
    handler: Handler
    refuse: Refuse = problem
    right: Right | None = "ask"
    asks: bool = False
    docs: RouteDocs | None = None


def asking(
    read: Callable[[HttpRequest], Question], write: Callable[[Answer], HttpResponse]
) -> Handler:
    """Return the handler of requests that are questions in some protocol.

    Args:
        read: Returns the question of a request, or raises Refusal.
        write: Returns the response for an answer.
    """

    async def handler(service: Service, request: HttpRequest) -> HttpResponse:
        return write(await service.answer(read(request)))

    return handler


def describing(describe: Callable[[HttpRequest, Status], HttpResponse]) -> Handler:
    """Return the handler of requests about the service and its models."""

    async def handler(service: Service, request: HttpRequest) -> HttpResponse:
        return describe(request, Status(tuple(service.models), service.ready))

    return handler


def protocol_routes(protocol: Protocol) -> Iterator[Route]:
    """Yield the routes of a protocol."""
    for operation in protocol.operations:
        handler = asking(operation.read, operation.write)
        docs = RouteDocs(
            operation.summary,
            protocol.name,
            operation.response,
            operation.request,
            photo=operation.takes_photos,
            error=protocol.error,
        )
        for path in operation.paths:
            yield Route(path, ("POST",), handler, protocol.refuse, asks=True, docs=docs)
    for description in protocol.descriptions:
        handler = describing(description.describe)
        right: Right | None = None if description.public else "ask"
        docs = RouteDocs(
            description.summary, protocol.name, description.response, error=protocol.error
        )
        for path in description.paths:
            yield Route(path, ("GET",), handler, protocol.refuse, right, docs=docs)


def described(routes: Sequence[Route]) -> Sequence[Route]:
    """Return routes, and those of their description: a document and a page of it.

    Both are made when they are first asked for, as it takes a tenth of a second.
    """

    @cache
    def document() -> HttpResponse:
        return json_response(openapi_document(routes))

    @cache
    def page() -> HttpResponse:
        from imgrec.report.api_page import api_page

        found = api_page(openapi_document(routes))
        policy = {"content-security-policy": found.content_security_policy}
        return HttpResponse(found.html.encode(), _HTML, headers=policy)

    return *routes, _constant("/openapi.json", document), _constant("/docs", page)


def _constant(path: str, response: Callable[[], HttpResponse]) -> Route:
    async def handler(_service: Service, _request: HttpRequest) -> HttpResponse:
        return response()

    return Route(path, ("GET",), handler, right=None)


_CLASSIFY = RouteDocs(
    "Classify photos",
    "imgrec",
    ClassificationDocument,
    ClassifyRequest,
    photo=True,
    form=True,
    query=ClassifyQuery,
    unusable=ClassificationDocument,
)
_LIVE = RouteDocs("Say that it runs", "imgrec", operating.HealthDocument)
_READY = RouteDocs("Say whether it answers", "imgrec", operating.HealthDocument)
_METRICS = RouteDocs("Return metrics in Prometheus' format", "imgrec", "text/plain")
_MODELS = RouteDocs("List the models", "imgrec", operating.ModelsDocument)
_RELOAD = RouteDocs("Open a model again", "imgrec", operating.ServedModelDocument)

OPERATION_ROUTES: Sequence[Route] = (
    Route("/health/live", ("GET",), operating.live, right=None, docs=_LIVE),
    Route("/health/ready", ("GET",), operating.ready, right=None, docs=_READY),
    Route("/metrics", ("GET",), operating.metrics, docs=_METRICS),
    Route("/v1/models", ("GET",), operating.models, docs=_MODELS),
    Route("/v1/models/{model}:reload", ("POST",), operating.reload, right="manage", docs=_RELOAD),
)

ROUTES: Sequence[Route] = (
    Route(
        "/v1/classify", ("POST",), asking(read_question, write_answer), asks=True, docs=_CLASSIFY
    ),
    *OPERATION_ROUTES,
    *(route for protocol in PROTOCOLS for route in protocol_routes(protocol)),
)
"""All routes of the service."""
