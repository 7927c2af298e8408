"""The requests of those who operate the service: health, metrics, models."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.report.documents import ServedDocument
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal, json_response
from imgrec.serve.metrics import CONTENT_TYPE
from imgrec.serve.models import ServedModel
from imgrec.serve.service import Service


class HealthDocument(Struct, frozen=True):
    """Whether the service runs, or answers questions."""

    status: Literal["ok"] = "ok"


class ServedModelDocument(Struct, frozen=True):
    """A model that is served."""

    name: str
    default: Annotated[bool, Meta(description="Whether it answers requests that name no model.")]
    classes: tuple[str, ...]
    multi_label: bool
    width: Annotated[int, Meta(description="Of the images that it takes, in pixels.")]
    height: int
    served: ServedDocument


class ModelsDocument(Struct, frozen=True):
    """The models that are served, the default one first."""

    models: tuple[ServedModelDocument, ...]


async def live(_service: Service, _request: HttpRequest) -> HttpResponse:
    """Say that the process runs; no model is asked."""
    return json_response(HealthDocument())


async def ready(service: Service, _request: HttpRequest) -> HttpResponse:
    """Say whether questions are answered: every model has answered an image by now.

    Raises:
        Refusal: 503, the service is ending.
    """
    if not service.ready:
        raise Refusal(503, "the service is ending", headers={"retry-after": "1"})
    return json_response(HealthDocument())


async def metrics(service: Service, _request: HttpRequest) -> HttpResponse:
    """Return the metrics in Prometheus' text format."""
    return HttpResponse(service.metrics.text(), CONTENT_TYPE)


async def models(service: Service, _request: HttpRequest) -> HttpResponse:
    """Return the models that are served."""
    found = [_described(each, default=not place) for place, each in enumerate(service.models)]
    return json_response(ModelsDocument(tuple(found)))


async def reload(service: Service, request: HttpRequest) -> HttpResponse:
    """Open the runs of a model again, and have them answer from now on.

    Raises:
        Refusal: 404, there is no such model; 409, it can't be used, or did not pass its gate.
    """
    model = await service.reload(request.path["model"])
    return json_response(_described(model, default=model.name == service.models.get(None).name))


def _described(model: ServedModel, *, default: bool) -> ServedModelDocument:
    spec, member = model.specs[0], model.predictor.members[0]
    return ServedModelDocument(
        name=model.name,
        default=default,
        classes=model.classes,
        multi_label=member.multi_label,
        width=spec.width,
        height=spec.height,
        served=model.identity,
    )
