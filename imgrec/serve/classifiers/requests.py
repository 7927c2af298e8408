"""What the requests about classifiers have in common: documents, ETags, pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote, urlencode

from msgspec import UNSET, Meta, Struct, UnsetType, field

from imgrec.classifiers import PhotoStatus
from imgrec.errors import RunError
from imgrec.files import MAX_TABLE_BYTES, read_regular, reason_of
from imgrec.serve import exchange
from imgrec.serve.classifiers.jobs import Job
from imgrec.serve.classify import Threshold, Top
from imgrec.serve.exchange import HttpRequest, HttpResponse, Refusal
from imgrec.text import printable

Entry = TypeVar("Entry")

PRIVATE = {"cache-control": "private, no-cache", "x-content-type-options": "nosniff"}
"""The headers of files: a deleted photo must not be shown from a cache."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a classifier; what is missing stays as it is."""

    require: Annotated[
        tuple[str, ...] | UnsetType,
        Meta(description="What a version has to meet, as in `accuracy >= 0.95`."),
    ] = UNSET


class Change(Settings, frozen=True):
    """The settings of a classifier, and its name; what is missing stays as it is."""

    name: str | UnsetType = UNSET


class NewName(Struct, frozen=True, forbid_unknown_fields=True):
    """The new name of a class."""

    name: str


class PhotoLabel(Struct, frozen=True, forbid_unknown_fields=True):
    """The class of a photo, or why it has none."""

    class_name: str | None = field(name="class", default=None)
    status: PhotoStatus = "labelled"


class PhotoHashes(Struct, frozen=True, forbid_unknown_fields=True):
    """Photos by their SHA-256."""

    photos: Annotated[tuple[str, ...], Meta(min_length=1)]


class PhotosLabel(PhotoLabel, frozen=True, kw_only=True):
    """The class of several photos, or why they have none."""

    photos: Annotated[tuple[str, ...], Meta(min_length=1)]
    unchanged_since: Annotated[
        int | None, Meta(description="Photos that changed after this revision stay as they are.")
    ] = None


class Publishing(Struct, frozen=True, forbid_unknown_fields=True):
    """How a version is published."""

    force: Annotated[bool, Meta(description="Whether it need not meet the requirements.")] = False


class _ListQuery(Struct, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many.")] = 100


class PageQuery(_ListQuery, frozen=True):
    """Which entries of a list are wanted."""

    after: Annotated[str, Meta(description="Those behind this one.")] = ""


class PhotosQuery(PageQuery, frozen=True):
    """Which photos are wanted."""

    class_name: str | None = field(name="class", default=None)
    status: PhotoStatus | None = None


class VersionsQuery(_ListQuery, frozen=True):
    """Which versions are wanted."""

    after: Annotated[int, Meta(description="Those behind this number.")] = 0


class StandingQuery(Struct, frozen=True):
    """When the standing is wanted."""

    wait: Annotated[bool, Meta(description="Whether to wait until it is known.")] = False


class StatusQuery(Struct, frozen=True):
    """Why photos have no class."""

    status: Literal["unsure", "none"]


class VersionQuery(Struct, frozen=True):
    """Which version answers."""

    version: Literal["draft", "published"] = "draft"


class HeatMapQuery(VersionQuery, frozen=True):
    """Which version answers, and about which class."""

    class_name: Annotated[str | None, Meta(description="By default the most probable one.")] = (
        field(name="class", default=None)
    )


class AnswerQuery(VersionQuery, frozen=True):
    """Which version answers, and how."""

    top: Top = 5
    threshold: Threshold = None


def json_response(
    document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a document as a response that only the client itself may keep."""
    return exchange.json_response(document, status, PRIVATE | dict(headers or {}))


def accepted(classifier: str, job: Job) -> HttpResponse:
    """Return where a job can be looked up, which the client does not wait for."""
    place = f"/v1/classifiers/{quote(classifier)}/jobs/{job.id}"
    headers = {"location": place, "preference-applied": "respond-async", "retry-after": "1"}
    return json_response(job.document(), 202, headers)


def described(request: HttpRequest, document: Any, tag: object, *more: object) -> HttpResponse:
    """Return a description with its ETag, or 304 if the client has it; see `tagged`."""
    tags = tagged(tag, *more)
    if matches(request.headers.get("if-none-match", ""), tags):
        return HttpResponse(b"", status=304, headers=tags)
    return json_response(document, headers=tags)


def tagged(tag: object, *more: object) -> dict[str, str]:
    """Return the header with an ETag.

    Args:
        tag: Of the state that requests change; `If-Match` is about this part.
        more: Of what else a description has, and changes by itself.
    """
    return {"etag": f'"{".".join(map(str, (tag, *more)))}"'}


def matches(header: str, tags: Mapping[str, str]) -> bool:
    """Return whether a list of ETags has the one of a header, or is `*`."""
    given = _listed(header)
    return "*" in given or tags["etag"].strip('"') in given


def require_match(request: HttpRequest, tag: object) -> None:
    """Raise Refusal if the client has seen another state than there is now."""
    wanted = request.headers.get("if-match")
    if wanted is None:
        return
    given = [each.partition(".")[0] for each in _listed(wanted)]
    if "*" not in given and str(tag) not in given:
        raise Refusal(412, "it was changed meanwhile", hint="read it again")


def _listed(header: str) -> list[str]:
    return [each.strip().removeprefix("W/").strip('"') for each in header.split(",")]


def number_of(request: HttpRequest) -> int:
    """Return the number of the version in the path; raise Refusal for anything else."""
    text = request.path["number"]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Refusal(404, f"there is no version {printable(text)}")
    return int(text)


def page_of(
    request: HttpRequest, rest: Sequence[Entry], limit: int, key: Callable[[Entry], object]
) -> tuple[Sequence[Entry], str | None]:
    """Return the first entries, and the address of the following ones, relative to the list's.

    Args:
        request: For a page of the list.
        rest: Its entries behind `after`, as many as are needed to know whether others follow.
        limit: How many are wanted.
        key: Returns what `after` is compared with.
    """
    shown = rest[:limit]
    if len(rest) == len(shown):
        return shown, None
    return shown, "?" + urlencode({**request.query, "after": key(shown[-1])})


def read_file(path: Path) -> bytes:
    """Return the content of a file; raise RunError if it can't be read."""
    try:
        return read_regular(path, MAX_TABLE_BYTES)
    except OSError as error:
        raise RunError(f"{printable(path.name)} can't be read: {reason_of(error)}") from error
