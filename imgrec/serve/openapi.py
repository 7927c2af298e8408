"""The description of the API in OpenAPI 3.1, from the routes and the types of what they take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from imgrec import __version__
from imgrec.json_documents import schema_components
from imgrec.serve.exchange import JSON, PROBLEM, Problem

if TYPE_CHECKING:
    from imgrec.serve.routes import Route

_SCHEMAS = "#/components/schemas/{name}"
_FILE = {"type": "string", "format": "binary", "minLength": 1}
_FORM = {"type": "object", "additionalProperties": _FILE, "minProperties": 1}
_PHOTO_TYPES = ("application/octet-stream", "image/*")
_SCHEME = "token"

_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "With `respond-async`, what takes more than a second, or than the seconds of "
    "`respond-async, wait=10`, is answered with 202 and the address of a job, in `Location`.",
    "schema": {"type": "string"},
}

_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what is changed; if it is another one by now, the answer is 412.",
    "schema": {"type": "string"},
}

_Schemas = Mapping[Any, Mapping[str, Any]]


@dataclass(frozen=True)
class RouteDocs:
    """What the description says of a route.

    Args:
        summary: What it does.
        group: The protocol that it belongs to.
        response: The type of its JSON, the media type of another response, or None for several.
        body: The type of the JSON that it takes.
        photo: Whether it takes a photo as its body.
        form: Whether it takes photos as an uploaded form.
        optional: Whether it may come without a body.
        query: The parameters behind the `?`.
        error: The type of its errors.
        unusable: The type of its JSON with status 422, if that is not an error.
        job: Whether a client may prefer not to wait for the answer.
        changes: Whether it changes what has an ETag, unless someone else did so meanwhile.
    """

    summary: str
    group: str
    response: Any
    body: Any = None
    photo: bool = False
    form: bool = False
    optional: bool = False
    query: type[msgspec.Struct] | None = None
    error: type[msgspec.Struct] = Problem
    unusable: Any = None
    job: bool = False
    changes: bool = False


def openapi_document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the description of those routes that have one, as the JSON that OpenAPI defines."""
    documented = [(route, route.docs) for route in routes if route.docs is not None]
    types = list({kind: None for _, docs in documented for kind in _types(docs)})
    references, components = schema_components(types, _SCHEMAS)
    schemas = dict(zip(types, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route, docs in documented:
        for method in route.methods:
            operation = _operation(route, docs, method, schemas)
            paths.setdefault(route.path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "imgrec",
            "version": __version__,
            "description": "Classifies photos. The answers are those of imgrec predict.",
        },
        "tags": [{"name": name} for name in dict.fromkeys(docs.group for _, docs in documented)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer"}},
        },
    }


def _types(docs: RouteDocs) -> Iterator[Any]:
    """Yield the types of a route's JSON."""
    for each in (docs.body, docs.response, docs.error, docs.unusable):
        if each is not None and not isinstance(each, str):
            yield each


def _operation(route: Route, docs: RouteDocs, method: str, schemas: _Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": docs.summary,
        "operationId": _identifier(method, route.path),
        "tags": [docs.group],
    }
    parameters = [*_path_parameters(route.path), *_query_parameters(docs.query)]
    parameters += [_PREFER] * docs.job + [_IF_MATCH] * docs.changes
    if parameters:
        found["parameters"] = parameters
    if content := _body(docs, schemas):
        found["requestBody"] = {"required": not docs.optional, "content": content}
    found["responses"] = _responses(docs, schemas)
    if route.right is not None:
        found["security"] = [{_SCHEME: []}, {}]
    return found


def _identifier(method: str, path: str) -> str:
    words = re.findall(r"\w+", path)
    return "_".join([method.lower(), *words])


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        schema = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(query: type[msgspec.Struct] | None) -> Iterator[dict[str, Any]]:
    if query is None:
        return
    _, components = schema_components([query], _SCHEMAS)
    found = components[query.__name__]
    for name, schema in found["properties"].items():
        described = {key: value for key, value in schema.items() if key != "description"}
        yield {
            "name": name,
            "in": "query",
            "required": name in found["required"],
            "description": schema.get("description", ""),
            "schema": described,
        }


def _body(docs: RouteDocs, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if docs.photo:
        content |= {kind: {"schema": _FILE} for kind in _PHOTO_TYPES}
    if docs.form:
        content["multipart/form-data"] = {"schema": _FORM}
    if docs.body is not None:
        content[JSON] = {"schema": schemas[docs.body]}
    return content


def _responses(docs: RouteDocs, schemas: _Schemas) -> dict[str, Any]:
    error = PROBLEM if docs.error is Problem else JSON
    failed: dict[str, Any] = {"content": {error: {"schema": schemas[docs.error]}}}
    found = _answers(docs, schemas)
    if docs.unusable is not None:
        content = {**failed["content"], JSON: {"schema": schemas[docs.unusable]}}
        found["422"] = {"description": "No photo can be used", "content": content}
    return found | {
        "4XX": {"description": "The request is not valid, or not allowed", **failed},
        "5XX": {"description": "The request can't be answered now", **failed},
    }


def _answers(docs: RouteDocs, schemas: _Schemas) -> dict[str, Any]:
    if docs.response is None:
        return {"2XX": {"description": "The answer"}, "304": {"description": "Nothing has changed"}}
    if isinstance(docs.response, str):
        content: dict[str, Any] = {docs.response: {"schema": {"type": "string"}}}
    else:
        content = {JSON: {"schema": schemas[docs.response]}}
    return {"200": {"description": "The answer", "content": content}}
