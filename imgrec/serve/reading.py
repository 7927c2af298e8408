"""What protocols read from requests: JSON, parameters, and photos in base64."""

from __future__ import annotations

from base64 import b64decode
from functools import cache
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import Field, Metadata, Type, type_info

from imgrec.json_documents import from_builtins, parse_json, place_and_problem
from imgrec.serve.exchange import HttpRequest, Refusal
from imgrec.text import either, printable, quoted

if TYPE_CHECKING:
    from msgspec.inspect import StructType

Base64 = Annotated[
    str,
    Meta(
        description="The content of a photo in base64.",
        extra_json_schema={"format": "byte", "minLength": 4},
    ),
]

_SEE = "/docs describes what is allowed"
_FORM = "application/x-www-form-urlencoded"
_URL_SAFE = str.maketrans("-_", "+/")
_ADDRESSES = ("http://", "https://", "gs://", "s3://", "file://")

Kind = TypeVar("Kind", bound=Struct)


def read_body(request: HttpRequest, kind: type[Kind], *, optional: bool = False) -> Kind:
    """Return the JSON body of a request as a `kind`.

    Args:
        request: The request.
        kind: The type of the document.
        optional: Whether no body is the same as an empty object.

    Raises:
        Refusal: 400, it is not JSON, or a key is missing, unknown or of the wrong type.
    """
    if optional and not request.body:
        return kind()
    try:
        document = parse_json(request.body, integral=True)
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {printable(str(error))}") from None
    try:
        return from_builtins(kind, document, more_keys=True)
    except ValueError as error:
        reason = f"the body is not valid: {printable(str(error))}"
        raise Refusal(400, reason, hint=_allowed(kind, str(error).partition(":")[0])) from None


def read_query(request: HttpRequest, kind: type[Kind]) -> Kind:
    """Return the parameters behind the `?` of a request as a `kind`.

    Raises:
        Refusal: 400, one is unknown or not valid.
    """
    names = kind.__struct_encode_fields__
    for name in request.query:
        if name not in names:
            raise Refusal(400, f"there is no parameter {quoted(name)}", hint=f"use {either(names)}")
    try:
        return msgspec.convert(request.query, kind, strict=False)
    except msgspec.ValidationError as error:
        place, problem = place_and_problem(error)
        given = f"{place}={request.query[place]}" if place else "the parameters"
        # A parameter is always text, and never null.
        problem = problem.removesuffix(", got text").replace(" or null", "")
        reason = f"{printable(given)}: {problem}"
        raise Refusal(400, reason, hint=_allowed(kind, place)) from None


def base64_content(text: str, place: str) -> bytes:
    r"""Return the bytes of base64, in either alphabet, with or without padding.

    Args:
        text: The base64.
        place: Where it is in the request, for the message.

    Raises:
        Refusal: 422, it is not base64, or empty.

    Example:
        >>> base64_content("_-8", "image")
        b'\xff\xef'
    """
    digits = text.rstrip("=").translate(_URL_SAFE)
    try:
        content = b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except ValueError:
        raise _refusal(text, place) from None
    if not content:
        raise Refusal(422, f"{place} is empty")
    return content


def photo_of(request: HttpRequest) -> bytes:
    """Return the body of a request as that of a photo.

    Raises:
        Refusal: 422, it is text or a photo that `curl -d` has sent as a form.
    """
    body = request.body
    # `curl --data-binary` says the same of a photo, which has such bytes; `curl -d` drops them.
    if body and request.content_type == _FORM and not any(each in body for each in b"\0\r\n"):
        raise Refusal(
            422,
            f"the body is a form, {_FORM}, and no photo",
            hint="`curl --data-binary @FILE` sends a photo as it is, `curl --json` sends JSON",
        )
    return body


def _allowed(kind: type[Struct], name: str) -> str:
    """Return a hint: the values that the field `name` may have, if they can be listed."""
    forms = [_bare(each.type) for each in _fields(kind) if each.encode_name == name]
    alternatives = [each for form in forms for each in getattr(form, "types", (form,))]
    values = [value for each in alternatives for value in getattr(_bare(each), "values", ())]
    return f"use {either(values)}" if values else _SEE


@cache
def _fields(kind: type[Struct]) -> tuple[Field, ...]:
    return cast("StructType", type_info(kind)).fields


def _bare(form: Type) -> Type:
    """Return a type without its description."""
    return form.type if isinstance(form, Metadata) else form


def _refusal(text: str, place: str) -> Refusal:
    if text.startswith(_ADDRESSES):
        return Refusal(422, f"{place} is an address", hint="send the photo itself, in base64")
    if text.startswith("data:"):
        return Refusal(422, f"{place} is a data URL", hint="send what follows its comma")
    return Refusal(422, f"{place} is not base64", hint="send the content of the photo in base64")
