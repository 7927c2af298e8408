"""The table of what the service answers: paths, methods, handlers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from imgrec.serve import operating
from imgrec.serve.classify import read_question, write_answer
from imgrec.serve.exchange import (
    Answer,
    HttpRequest,
    HttpResponse,
    Question,
    Refusal,
    problem,
)
from imgrec.serve.protocols import PROTOCOLS, Protocol, Status
from imgrec.serve.security import Right
from imgrec.serve.service import Service

Handler = Callable[[Service, HttpRequest], Awaitable[HttpResponse]]
Refuse = Callable[[Refusal, HttpRequest], HttpResponse]


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
    """

    path: str
    methods: tuple[str, ...]
    handler: Handler
    refuse: Refuse = problem
    right: Right | None = "ask"
    asks: bool = False


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
        for path in operation.paths:
            yield Route(path, ("POST",), handler, protocol.refuse, asks=True)
    for description in protocol.descriptions:
        handler = describing(description.describe)
        right: Right | None = None if description.public else "ask"
        for path in description.paths:
            yield Route(path, ("GET",), handler, protocol.refuse, right)


OPERATION_ROUTES: Sequence[Route] = (
    Route("/health/live", ("GET",), operating.live, right=None),
    Route("/health/ready", ("GET",), operating.ready, right=None),
    Route("/metrics", ("GET",), operating.metrics),
    Route("/v1/models", ("GET",), operating.models),
    Route("/v1/models/{model}:reload", ("POST",), operating.reload, right="manage"),
)


ROUTES: Sequence[Route] = (
    Route("/v1/classify", ("POST",), asking(read_question, write_answer), asks=True),
    *OPERATION_ROUTES,
    *(route for protocol in PROTOCOLS for route in protocol_routes(protocol)),
)
"""All routes of the service."""
