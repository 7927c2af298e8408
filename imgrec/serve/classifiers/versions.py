"""Requests to classify photos, and about versions."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import zipfile
from pathlib import Path

from imgrec.json_documents import json_line, parse_json
from imgrec.progress import Progress
from imgrec.runs.card import LITERT_MODEL
from imgrec.runs.card_file import CARD_FILE
from imgrec.runs.folder import REPORT_FILE
from imgrec.serve.classifiers.folder import Classifiers
from imgrec.serve.classifiers.requests import (
    PRIVATE,
    AnswerQuery,
    HeatMapQuery,
    Publishing,
    VersionQuery,
    VersionsQuery,
    described,
    json_response,
    number_of,
    page_of,
    read_file,
    tagged,
)
from imgrec.serve.classify import photos_of, read_question, write_answer
from imgrec.serve.exchange import JSON, HttpRequest, HttpResponse, Refusal, problem
from imgrec.serve.limits import EXPLANATION_COST
from imgrec.serve.reading import read_body, read_query
from imgrec.serve.service import Service
from imgrec.text import either, printable
from imgrec.workflows import teaching
from imgrec.workflows.prediction import Predictor
from imgrec.workflows.teaching import Classifier

_FILES = {
    LITERT_MODEL: "application/octet-stream",
    REPORT_FILE: "text/html; charset=utf-8",
    CARD_FILE: JSON,
}


def version_state(classifiers: Classifiers, request: HttpRequest) -> str:
    """Return whether a version is published, available or withdrawn."""
    found = classifiers.get(request.path["name"]).version(number_of(request))
    state: str = teaching.version_document(found)["state"]
    return state


async def classify(
    service: Service, classifiers: Classifiers, request: HttpRequest
) -> HttpResponse:
    """Classify photos as the classifier is now, or as its published version."""
    version = read_query(request, AnswerQuery).version
    others = {key: value for key, value in request.query.items() if key != "version"}
    question = read_question(dataclasses.replace(request, query=others))
    chosen = classifiers.published if version == "published" else classifiers.draft
    model = await asyncio.to_thread(chosen, request.path["name"])
    return write_answer(await service.answer(question, model))


async def heat_map(
    service: Service, classifiers: Classifiers, request: HttpRequest
) -> HttpResponse:
    """Show which parts of a photo an answer depends on."""
    classifier = await asyncio.to_thread(classifiers.get, request.path["name"])
    photos = photos_of(request)
    if len(photos) != 1 or not photos[0].source:
        raise Refusal(422, "there is not exactly one photo in the request")
    wanted = read_query(request, HeatMapQuery)
    with service.admission.admitted(1, 1 + EXPLANATION_COST):
        (engine,) = (await asyncio.to_thread(_chosen, classifier, wanted)).engines
        pixels, small = await service.decode_small(photos[0], [engine.spec])
        content = await asyncio.to_thread(
            teaching.heat_map, engine, pixels, small, wanted.class_name
        )
    return HttpResponse(content, "image/webp", 200, PRIVATE)


def _chosen(classifier: Classifier, wanted: VersionQuery) -> Predictor:
    return classifier.published() if wanted.version == "published" else classifier.draft()


def publish(classifiers: Classifiers, request: HttpRequest, progress: Progress) -> HttpResponse:
    """Publish a version."""
    classifier = classifiers.get(request.path["name"])
    force = read_body(request, Publishing, optional=True).force
    done = classifier.publish(force=force, progress=progress)
    document = teaching.published_document(done)
    if done.version is not None:
        return json_response(document, 201)
    missed = [each.reason for each in done.verdicts if not each.met]
    refused = problem(Refusal(409, f"not published: {'; '.join(missed)}"), request)
    return dataclasses.replace(
        refused, body=json_line(parse_json(refused.body) | document).encode()
    )


def list_jobs(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """List the jobs."""
    name = classifiers.get(request.path["name"]).name
    found = [each.document() for each in classifiers.jobs.of(name)]
    return json_response({"jobs": found, "next": None})


def describe_job(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Describe a job."""
    job = classifiers.jobs.get(request.path["name"], request.path["job"])
    return json_response(job.document())


def list_versions(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """List the versions."""
    wanted = read_query(request, VersionsQuery)
    found = classifiers.get(request.path["name"]).versions()
    rest = [each for each in found if each.number > wanted.after]
    shown, following = page_of(request, rest, wanted.limit, lambda each: each.number)
    documents = [teaching.version_document(each) for each in shown]
    return json_response({"versions": documents, "next": following})


def describe_version(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Describe a version."""
    found = classifiers.get(request.path["name"]).version(number_of(request))
    document = teaching.version_document(found)
    return described(request, document, document["state"])


def restore_version(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Publish an earlier version."""
    classifier, number = classifiers.get(request.path["name"]), number_of(request)
    found = teaching.version_document(classifier.restore(number))
    return json_response(found, 200, tagged(found["state"]))


def version_file(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Return a file of a version."""
    run = classifiers.get(request.path["name"]).run(number_of(request))
    file = request.path["file"]
    if file == "run.zip":
        headers = PRIVATE | {"content-disposition": f'attachment; filename="{run.name}.zip"'}
        return HttpResponse(_zipped(run.path), "application/zip", 200, headers)
    if file not in _FILES:
        raise Refusal(404, f"there is no file {printable(file)}", hint=either((*_FILES, "run.zip")))
    return HttpResponse(read_file(run.path / file), _FILES[file], 200, PRIVATE)


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                archive.write(path, Path(folder.name) / path.relative_to(folder))
    return content.getvalue()
