"""Which images these are: hashes of files and of whole data sets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.data.batches import in_order, usable_cores
from imgrec.data.content import content
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.files import sha256
from imgrec.progress import Progress, Silent


def identities(
    records: Sequence[Record], progress: Progress | None = None, title: str = "hashing images"
) -> Mapping[str, str]:
    """Return the SHA-256 in hexadecimal of each record, by its name.

    It is that of the file's bytes; for pixels, of their shape and values. A file that can't be
    read has "". title: what `progress` calls the work.
    """
    workers, found = usable_cores(), dict[str, str]()
    with (progress or Silent()).task(title, len(records)) as task:
        for name, identity in in_order(_identity, records, workers, 4 * workers):
            found[name] = identity
            task.advance()
    return found


def identity_of(found: bytes | NDArray[np.uint8]) -> str:
    """Return the SHA-256 in hexadecimal of a file's content, or of pixels with their shape."""
    if isinstance(found, np.ndarray):
        return sha256(repr(found.shape).encode() + found.tobytes())
    return sha256(found)


def fingerprint(
    records: Sequence[Record], identities: Mapping[str, str], classes: Sequence[str]
) -> str:
    """Return the SHA-256 in hexadecimal of a data set, whatever the order of its records.

    Hashed is, for each record in the order of names, its name, its class name (of several, one
    a line) and its identity (looked up by name), each as UTF-8 (surrogates as in Python's
    `surrogatepass`) after its length in 8 bytes, big-endian.
    """
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda record: record.name):
        names = "\n".join(classes[label] for label in record.labels)
        for text in (record.name, names, identities[record.name]):
            field = text.encode("utf-8", "surrogatepass")
            digest.update(len(field).to_bytes(8, "big") + field)
    return digest.hexdigest()


def _identity(record: Record) -> tuple[str, str]:
    try:
        return record.name, identity_of(content(record.source, record.name))
    except BadImage:
        return record.name, ""
