"""What the requests about classifiers have in common: documents, ETags, pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from imgrec.errors import RunError
from imgrec.files import MAX_TABLE_BYTES, read_regular, reason_of
from imgrec.json_documents import json_line, parse_json
from imgrec.serve.exchange import JSON, HttpRequest, HttpResponse, Refusal
from imgrec.text import either, printable

PRIVATE = {"cache-control": "private, no-cache", "x-content-type-options": "nosniff"}
"""The headers of files: a deleted photo must not be shown from a cache."""

_LIMIT, _MOST = 100, 1000


def json_response(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a document as a response."""
    return HttpResponse(json_line(document).encode(), JSON, status, PRIVATE | dict(headers or {}))


def described(request: HttpRequest, document: Any, tag: object) -> HttpResponse:
    """Return a description with its ETag, or 304 if the client has it."""
    if matches(request.headers.get("if-none-match", ""), tag):
        return HttpResponse(b"", status=304, headers=tagged(tag))
    return json_response(document, headers=tagged(tag))


def tagged(tag: object) -> dict[str, str]:
    """Return the header with an ETag."""
    return {"etag": f'"{tag}"'}


def matches(header: str, tag: object) -> bool:
    """Return whether a list of ETags has one, or is `*`."""
    given = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in given or f'"{tag}"' in given


def require_match(request: HttpRequest, tag: object) -> None:
    """Raise Refusal if the client has seen another state than there is now."""
    wanted = request.headers.get("if-match")
    if wanted is not None and not matches(wanted, tag):
        raise Refusal(412, "it was changed meanwhile", hint="read it again")


def document_of(request: HttpRequest, keys: Sequence[str]) -> Mapping[str, Any]:
    """Return the JSON object in the body, empty without one; raise Refusal for other keys."""
    if not request.body:
        return {}
    try:
        found = parse_json(request.body)
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {printable(str(error))}") from None
    if not isinstance(found, dict):
        raise Refusal(400, "the body is not a JSON object")
    for key in found:
        if key not in keys:
            raise Refusal(400, f"there is no key {printable(key)}", hint=f"use {either(keys)}")
    return found


def text_of(document: Mapping[str, Any], key: str) -> str:
    """Return a text of a document; raise Refusal without."""
    value = document.get(key)
    if not isinstance(value, str):
        raise Refusal(400, f"`{key}` is not a text")
    return value


def choice_of(request: HttpRequest, name: str, choices: Sequence[str]) -> Any:
    """Return a parameter of the address that is one of some words, None without it."""
    found = request.query.get(name)
    if found is not None and found not in choices:
        raise Refusal(400, f"{name}={printable(found)} is not {either(choices)}")
    return found


def number_of(request: HttpRequest) -> int:
    """Return the number of the version in the path; raise Refusal for anything else."""
    text = request.path["number"]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refusal(404, f"there is no version {printable(text)}")
    return int(text)


def limit_of(request: HttpRequest) -> int:
    """Return how many entries a list may have."""
    text = request.query.get("limit", str(_LIMIT))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= _MOST):
        raise Refusal(400, f"limit={printable(text)} is not a number from 1 to {_MOST:,}")
    return int(text)


def page_of(request: HttpRequest, names: Sequence[str]) -> tuple[Sequence[str], str | None]:
    """Return the names that are wanted, out of sorted ones, and the address of the next ones."""
    after, limit = request.query.get("after", ""), limit_of(request)
    rest = [each for each in names if each > after]
    more = len(rest) > limit
    return rest[:limit], next_page(request, rest[limit - 1]) if more else None


def next_page(request: HttpRequest, last: str) -> str:
    """Return the address of the entries behind the last one, relative to that of the list."""
    return "?" + urlencode({**request.query, "after": last})


def read_file(path: Path) -> bytes:
    """Return the content of a file; raise RunError if it can't be read."""
    try:
        return read_regular(path, MAX_TABLE_BYTES)
    except OSError as error:
        raise RunError(f"{printable(path.name)} can't be read: {reason_of(error)}") from error
