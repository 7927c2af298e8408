"""Photos in JSON: their contents in base64."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated

from msgspec import Meta

from imgrec.serve.exchange import Refusal

Base64 = Annotated[
    str,
    Meta(
        description="The content of a photo in base64.",
        extra_json_schema={"format": "byte", "minLength": 4},
    ),
]

_URL_SAFE = str.maketrans("-_", "+/")
_ADDRESSES = ("http://", "https://", "gs://", "s3://", "file://")


def base64_content(text: str, place: str) -> bytes:
    r"""Return the bytes of base64, in either alphabet, with or without padding.

    Args:
        text: The base64.
        place: Where it is in the request, for the message.

    Raises:
        Refusal: 400, it is not base64, or empty.

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
        raise Refusal(400, f"{place} is empty")
    return content


def _refusal(text: str, place: str) -> Refusal:
    if text.startswith(_ADDRESSES):
        return Refusal(400, f"{place} is an address", hint="send the photo itself, in base64")
    if text.startswith("data:"):
        return Refusal(400, f"{place} is a data URL", hint="send what follows its comma")
    return Refusal(400, f"{place} is not base64", hint="send the content of the photo in base64")
