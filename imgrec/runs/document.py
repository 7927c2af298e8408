"""JSON documents in the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from imgrec.files import MAX_DOCUMENT_BYTES, read_regular
from imgrec.json_documents import decode_json

Document = TypeVar("Document")


def read_document(path: Path, kind: type[Document]) -> Document | None:
    """Return a JSON file as a `kind`; None if there is no file.

    Raises:
        OSError: The file can't be read.
        ValueError: It is damaged.
    """
    try:
        content = read_regular(path, MAX_DOCUMENT_BYTES)
    except FileNotFoundError:
        return None
    return decode_json(kind, content)
