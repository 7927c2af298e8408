"""A protocol: the requests and responses of other services, for which clients exist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from imgrec.serve.exchange import Answer, HttpRequest, HttpResponse, Question, Refusal
from imgrec.serve.models import ServedModel

Refuse = Callable[[Refusal, HttpRequest], HttpResponse]


@dataclass(frozen=True)
class Status:
    """What can be asked of the service itself.

    Args:
        models: The models that are served, the default one first.
        ready: Whether questions are answered.
    """

    models: Sequence[ServedModel]
    ready: bool

    @property
    def code(self) -> int:
        """The HTTP status that says whether questions are answered: 200 or 503."""
        return 200 if self.ready else 503


@dataclass(frozen=True)
class Operation:
    """A request by which photos are classified in a protocol.

    Args:
        summary: What it does, for the API's description.
        paths: As in Route; `{model}` is the name of a model.
        request: The JSON body.
        response: The JSON of an answer.
        read: Returns the question of a request, or raises Refusal.
        write: Returns the response for an answer, or raises Refusal.
        takes_photos: Whether a photo by itself may be the body, too.
    """

    summary: str
    paths: tuple[str, ...]
    request: Any
    response: Any
    read: Callable[[HttpRequest], Question]
    write: Callable[[Answer], HttpResponse]
    takes_photos: bool = False


@dataclass(frozen=True)
class Description:
    """A GET request about the service or a model in a protocol.

    Args:
        summary: What it returns, for the API's description.
        paths: As in Route; `{model}` is the name of a model.
        response: The JSON of the response.
        describe: Returns it, or raises Refusal.
        public: Whether it is answered without a token.
    """

    summary: str
    paths: tuple[str, ...]
    response: Any
    describe: Callable[[HttpRequest, Status], HttpResponse]
    public: bool = False


@dataclass(frozen=True)
class Protocol:
    """A protocol.

    Args:
        name: For the API's description.
        operations: How photos are classified.
        descriptions: What else can be asked.
        error: The JSON of an error.
        refuse: Returns the response for a Refusal.
    """

    name: str
    operations: tuple[Operation, ...]
    descriptions: tuple[Description, ...]
    error: type
    refuse: Refuse
