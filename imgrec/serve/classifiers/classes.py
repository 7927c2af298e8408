"""Requests about classifiers and their classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from imgrec.classifiers import StoredClass, check_class_name
from imgrec.progress import Progress
from imgrec.serve.classifiers.folder import Classifiers
from imgrec.serve.classifiers.requests import (
    Change,
    NewName,
    PageQuery,
    Settings,
    StandingQuery,
    described,
    json_response,
    page_of,
    tagged,
)
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal
from imgrec.serve.reading import read_body, read_query
from imgrec.text import printable
from imgrec.workflows import teaching
from imgrec.workflows.teaching import Classifier


def classifier_state(classifiers: Classifiers, request: HttpRequest) -> int | None:
    """Return the revision of a classifier; None if it is not there."""
    name = request.path["name"]
    return classifiers.get(name).revision if name in classifiers.names() else None


def class_state(classifiers: Classifiers, request: HttpRequest) -> int:
    """Return the revision in which a class was changed last."""
    return classifiers.get(request.path["name"]).class_named(request.path["class"]).changed


def list_classifiers(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """List the classifiers."""
    wanted = read_query(request, PageQuery)
    rest = [each for each in classifiers.names() if each > wanted.after]
    names, following = page_of(request, rest, wanted.limit, str)
    found = [teaching.classifier_document(classifiers.get(each), standing=False) for each in names]
    return json_response({"classifiers": found, "next": following})


def describe_classifier(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Describe a classifier."""
    found = teaching.classifier_document(classifiers.get(request.path["name"]))
    return described(request, found, *_tags(found))


def put_classifier(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Create a classifier, or change its settings."""
    name, wanted = request.path["name"], read_body(request, Settings, optional=True)
    there = name in classifiers.names()
    if there and request.headers.get("if-none-match") == "*":
        raise Refusal(412, f"there is a classifier {printable(name)} already")
    if not there and wanted.require is not UNSET:
        teaching.checked_requirements(wanted.require, ())
    classifier, new = classifiers.create(name)
    _set(classifier, wanted)
    found = teaching.classifier_document(classifier)
    return json_response(found, 201 if new else 200, tagged(*_tags(found)))


def patch_classifier(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Change the settings of a classifier, or its name."""
    classifier = classifiers.get(request.path["name"])
    wanted = read_body(request, Change, optional=True)
    _set(classifier, wanted)
    if wanted.name is not UNSET:
        classifier = classifiers.rename(classifier.name, wanted.name)
    found = teaching.classifier_document(classifier)
    return json_response(found, 200, tagged(*_tags(found)))


def _tags(found: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the tags of a description; how good the classifier is becomes known by itself."""
    standing = found["standing"]
    return found["revision"], standing["revision"], standing["state"]


def _set(classifier: Classifier, wanted: Settings) -> None:
    if wanted.require is not UNSET and tuple(classifier.require) != wanted.require:
        classifier.require = wanted.require


def delete_classifier(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Delete a classifier with all of its photos."""
    classifiers.delete(request.path["name"])
    return HttpResponse(b"", status=204)


def standing(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Say how good a classifier is."""
    wait = read_query(request, StandingQuery).wait
    classifier = classifiers.get(request.path["name"])
    return json_response(teaching.standing_document(classifier, wait=wait))


def list_classes(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """List the classes."""
    wanted, found = read_query(request, PageQuery), classifiers.get(request.path["name"]).classes()
    rest = [each for each in found if each.name > wanted.after]
    shown, following = page_of(request, rest, wanted.limit, lambda each: each.name)
    documents = [teaching.class_document(each) for each in shown]
    return json_response({"classes": documents, "next": following})


def describe_class(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Describe a class."""
    found = classifiers.get(request.path["name"]).class_named(request.path["class"])
    return described(request, teaching.class_document(found), found.changed, found.photos)


def put_class(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Create a class."""
    classifier = classifiers.get(request.path["name"])
    name = check_class_name(request.path["class"])
    new = classifier.add_class(name)
    if not new and request.headers.get("if-none-match") == "*":
        raise Refusal(412, f"there is a class {printable(name)} already")
    found = classifier.class_named(name)
    return json_response(teaching.class_document(found), 201 if new else 200, _tags_of(found))


def patch_class(classifiers: Classifiers, request: HttpRequest) -> HttpResponse:
    """Rename a class."""
    classifier, name = classifiers.get(request.path["name"]), request.path["class"]
    new = read_body(request, NewName).name
    classifier.rename_class(name, new)
    found = classifier.class_named(check_class_name(new))
    return json_response(teaching.class_document(found), 200, _tags_of(found))


def _tags_of(found: StoredClass) -> Mapping[str, str]:
    return tagged(found.changed, found.photos)


def delete_class(
    classifiers: Classifiers, request: HttpRequest, progress: Progress
) -> HttpResponse:
    """Delete a class with its photos."""
    classifier, name = classifiers.get(request.path["name"]), request.path["class"]
    done = classifier.delete_class(name, progress)
    return json_response(teaching.forgotten_document(done, classifier))
