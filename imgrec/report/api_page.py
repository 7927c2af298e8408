"""The description of an API in OpenAPI as a page that loads nothing from the network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from imgrec.report import templates

if TYPE_CHECKING:
    from markupsafe import Markup

Schema = Mapping[str, Any]


class Part(NamedTuple):
    """A parameter, or a key of a JSON object."""

    name: str
    kind: Markup
    required: bool
    description: str


class Operation(NamedTuple):
    """A request: a method of a path."""

    method: str
    path: str
    document: Mapping[str, Any]


class Page(NamedTuple):
    """A page, and the policy with which it is sent."""

    html: str
    content_security_policy: str


def api_page(document: Mapping[str, Any]) -> Page:
    """Return the page of a description in OpenAPI 3.1."""
    filters = {"kind": _kind, "parts": _parts, "parameters": _parameters}
    html = templates.template("api.html.j2", **filters).render(
        info=document["info"],
        groups={tag["name"]: [*_operations(document, tag["name"])] for tag in document["tags"]},
        schemas=document["components"]["schemas"],
    )
    return Page(html, _policy(html))


def _operations(document: Mapping[str, Any], group: str) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if group in operation["tags"]:
                yield Operation(method.upper(), path, operation)


def _parameters(operation: Operation) -> Sequence[Part]:
    return [
        Part(each["name"], _kind(each["schema"]), each.get("required", False), _about(each))
        for each in operation.document.get("parameters", ())
    ]


def _parts(schema: Schema) -> Sequence[Part]:
    required = schema.get("required", ())
    return [
        Part(name, _kind(each), name in required, _about(each))
        for name, each in schema.get("properties", {}).items()
    ]


def _about(described: Mapping[str, Any]) -> str:
    return str(described.get("description", ""))


def _kind(schema: Schema) -> Markup:
    """Return a type in words, as `list of InputTensor`, with links to what is described."""
    from markupsafe import Markup

    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return Markup('<a href="#type-{}">{}</a>').format(name, name)
    if "anyOf" in schema:
        return Markup(" or ").join(map(_kind, schema["anyOf"]))
    if "enum" in schema:
        return Markup(" or ").join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return Markup("list of {}").format(_kind(schema.get("items") or {}))
    words = {"binary": "file", "byte": "base64"}
    return Markup.escape(words.get(schema.get("format", ""), schema.get("type", "anything")))


def _policy(html: str) -> str:
    """Return a policy that allows the page's own style alone."""
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = hashlib.sha256((style[1] if style else "").encode()).digest()
    style_source = f"style-src 'sha256-{base64.b64encode(digest).decode()}'"
    nothing_else = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; img-src data:; {style_source}; {nothing_else}"
