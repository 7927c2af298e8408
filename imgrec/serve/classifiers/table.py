"""The table of what is answered about classifiers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any, cast

from imgrec.classifiers import Conflict, DiskFull, NotFound, QuotaExceeded
from imgrec.errors import ImgrecError
from imgrec.progress import Progress
from imgrec.report.documents import ClassificationDocument
from imgrec.serve.classifiers import classes, photos, requests, versions
from imgrec.serve.classifiers.folder import Classifiers
from imgrec.serve.classifiers.jobs import Job, Outcome, answered
from imgrec.serve.classify import ClassifyRequest
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal
from imgrec.serve.openapi import RouteDocs
from imgrec.serve.routes import Handler, Route
from imgrec.serve.security import Right
from imgrec.serve.service import Service

_Answer = Callable[[Classifiers, HttpRequest], HttpResponse]
_JobAnswer = Callable[[Classifiers, HttpRequest, Progress], HttpResponse]
_ServiceAnswer = Callable[[Service, Classifiers, HttpRequest], Awaitable[HttpResponse]]
_Any = _Answer | _JobAnswer | _ServiceAnswer

_ROOT = "/v1/classifiers"
_ONE = f"{_ROOT}/{{name}}"
_CLASS = f"{_ONE}/classes/{{class}}"
_PHOTO = f"{_ONE}/photos/{{sha256}}"
_VERSION = f"{_ONE}/versions/{{number}}"

_ROUTES: Sequence[tuple[str, str, Right, _Any]] = (
    ("GET", _ROOT, "ask", classes.list_classifiers),
    ("GET", _ONE, "ask", classes.describe_classifier),
    ("PUT", _ONE, "manage", classes.put_classifier),
    ("PATCH", _ONE, "manage", classes.patch_classifier),
    ("DELETE", _ONE, "manage", classes.delete_classifier),
    ("GET", f"{_ONE}/standing", "ask", classes.standing),
    ("GET", f"{_ONE}/classes", "ask", classes.list_classes),
    ("GET", _CLASS, "ask", classes.describe_class),
    ("PUT", _CLASS, "manage", classes.put_class),
    ("PATCH", _CLASS, "manage", classes.patch_class),
    ("DELETE", _CLASS, "manage", classes.delete_class),
    ("POST", f"{_CLASS}/photos", "manage", photos.add_to_class),
    ("POST", f"{_ONE}/photos", "manage", photos.add_others),
    ("POST", f"{_ONE}/photos:label", "manage", photos.label_photos),
    ("POST", f"{_ONE}/photos:forget", "manage", photos.forget_photos),
    ("GET", f"{_ONE}/photos", "ask", photos.list_photos),
    ("GET", _PHOTO, "ask", photos.describe_photo),
    ("PATCH", _PHOTO, "manage", photos.patch_photo),
    ("DELETE", _PHOTO, "manage", photos.delete_photo),
    ("GET", f"{_PHOTO}/content", "ask", photos.photo_content),
    ("GET", f"{_PHOTO}/thumbnail", "ask", photos.photo_thumbnail),
    ("POST", f"{_ONE}/classify", "ask", versions.classify),
    ("POST", f"{_ONE}/heat-map", "ask", versions.heat_map),
    ("POST", f"{_ONE}/publish", "manage", versions.publish),
    ("GET", f"{_ONE}/jobs", "ask", versions.list_jobs),
    ("GET", f"{_ONE}/jobs/{{job}}", "ask", versions.describe_job),
    ("GET", f"{_ONE}/versions", "ask", versions.list_versions),
    ("POST", f"{_VERSION}:restore", "manage", versions.restore_version),
    ("GET", _VERSION, "ask", versions.describe_version),
    ("GET", f"{_VERSION}/{{file}}", "ask", versions.version_file),
)

_PHOTOS: Mapping[str, Any] = {"photo": True, "form": True, "body": ClassifyRequest}
_TAKES: Mapping[object, Mapping[str, Any]] = {
    classes.list_classifiers: {"query": requests.PageQuery},
    classes.put_classifier: {"body": requests.Settings, "optional": True},
    classes.patch_classifier: {"body": requests.Change, "optional": True},
    classes.standing: {"query": requests.StandingQuery},
    classes.list_classes: {"query": requests.PageQuery},
    classes.patch_class: {"body": requests.NewName},
    photos.add_to_class: {**_PHOTOS, "unusable": dict[str, Any]},
    photos.add_others: {**_PHOTOS, "unusable": dict[str, Any], "query": requests.StatusQuery},
    photos.label_photos: {"body": requests.PhotosLabel},
    photos.forget_photos: {"body": requests.PhotoHashes},
    photos.list_photos: {"query": requests.PhotosQuery},
    photos.patch_photo: {"body": requests.PhotoLabel},
    versions.classify: {
        **_PHOTOS,
        "unusable": ClassificationDocument,
        "query": requests.AnswerQuery,
    },
    versions.heat_map: {**_PHOTOS, "query": requests.HeatMapQuery},
    versions.publish: {"body": requests.Publishing, "optional": True},
    versions.list_versions: {"query": requests.VersionsQuery},
}
"""What the description of the API says of the requests that have a body or parameters."""

_PUBLISHING = (classes.patch_classifier, classes.delete_classifier, versions.restore_version)
"""What may change which version of a classifier answers, and so do jobs."""

_JOBS: Mapping[object, str] = {
    classes.delete_class: "delete",
    photos.delete_photo: "delete",
    photos.forget_photos: "delete",
    photos.label_photos: "label",
    versions.publish: "publish",
}
"""What may take minutes, by its kind."""

_STATES: Mapping[object, Callable[[Classifiers, HttpRequest], object]] = {
    classes.put_classifier: classes.classifier_state,
    classes.patch_classifier: classes.classifier_state,
    classes.delete_classifier: classes.classifier_state,
    classes.patch_class: classes.class_state,
    classes.delete_class: classes.class_state,
    photos.patch_photo: photos.photo_state,
    photos.delete_photo: photos.photo_state,
    versions.restore_version: versions.version_state,
}
"""The state that `If-Match` has to name, the first part of the ETag; None: there is nothing yet."""

_STATUSES: Mapping[type[ImgrecError], int] = {
    NotFound: 404,
    Conflict: 409,
    QuotaExceeded: 409,
    DiskFull: 507,
}


def classifier_routes(classifiers: Classifiers) -> tuple[Route, ...]:
    """Return the routes under which classifiers are taught."""
    return tuple(
        Route(path, (method,), _handler(classifiers, answer), right=right, docs=_docs(answer))
        for method, path, right, answer in _ROUTES
    )


def _docs(answer: _Any) -> RouteDocs:
    summary = (answer.__doc__ or "").partition("\n")[0]
    job, changes, takes = answer in _JOBS, answer in _STATES, _TAKES.get(answer, {})
    return RouteDocs(summary, "Classifiers", None, job=job, changes=changes, **takes)


def _handler(classifiers: Classifiers, answer: _Any) -> Handler:
    if kind := _JOBS.get(answer, ""):
        return _job_handler(classifiers, cast("_JobAnswer", _conditional(answer)), kind)

    async def handler(service: Service, request: HttpRequest) -> HttpResponse:
        try:
            if iscoroutinefunction(answer):
                return cast("HttpResponse", await answer(service, classifiers, request))
            plain = cast("_Answer", _conditional(answer))
            response = await asyncio.to_thread(plain, classifiers, request)
            if answer in _PUBLISHING:
                await asyncio.to_thread(classifiers.follow, service)
        except ImgrecError as error:
            raise _refusal(error) from error
        return response

    return handler


def _conditional(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Return what answers a request, unless its `If-Match` names another state."""
    if (state := _STATES.get(answer)) is None:
        return answer

    def checked(classifiers: Classifiers, request: HttpRequest, *more: Progress) -> Any:
        if (tag := state(classifiers, request)) is not None:
            requests.require_match(request, tag)
        return answer(classifiers, request, *more)

    return checked


def _job_handler(classifiers: Classifiers, answer: _JobAnswer, kind: str) -> Handler:
    async def handler(service: Service, request: HttpRequest) -> HttpResponse:
        def work(progress: Progress) -> Outcome:
            try:
                response = answer(classifiers, request, progress)
                classifiers.follow(service)
            except Refusal as refusal:
                return refusal
            except ImgrecError as error:
                return _refusal(error)
            return response

        name = request.path["name"]
        try:
            await asyncio.to_thread(classifiers.get, name)
        except ImgrecError as error:
            raise _refusal(error) from error
        job = classifiers.jobs.start(name, Job(kind, request), work, forgets=kind == "delete")
        outcome = await answered(job, request.headers.get("prefer", ""))
        if isinstance(outcome, Refusal):
            raise outcome
        return requests.accepted(name, job) if outcome is None else outcome

    return handler


def _refusal(error: ImgrecError) -> Refusal:
    status = _STATUSES.get(type(error))
    if status is None:
        return Refusal.of(error)
    return Refusal(status, error.message, hint=error.hint)
