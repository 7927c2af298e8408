"""Which images these are: hashes of files and of whole data sets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from imgrec.data.batches import in_order
from imgrec.data.images import ImageSpec, decode, read_bytes
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.files import sha256
from imgrec.progress import Progress, Silent
from imgrec.scores import Skipped

# Whole files wait here, so fewer of them than of decoded images.
_AHEAD = 8


@dataclass(frozen=True)
class Inspection:
    """What reading every image once has shown.

    identities: the SHA-256 of every record that could be read, by its name, bad images'
    among them where there is a file. bad: the records that can't be decoded, in order.
    """

    identities: Mapping[str, str]
    bad: tuple[Skipped, ...]


def inspect(
    records: Sequence[Record], spec: ImageSpec, progress: Progress, workers: int = 2
) -> Inspection:
    """Read every record once: hash it, and see whether it decodes to `spec`.

    Names have to be unique in `records`.
    """
    identities: dict[str, str] = {}
    bad: list[Skipped] = []
    with progress.task("checking images", len(records)) as task:
        look = partial(_inspected, spec=spec)
        for name, identity, reason in in_order(look, records, workers, _AHEAD):
            if identity:
                identities[name] = identity
            if reason:
                bad.append(Skipped(name, reason))
            task.advance()
    return Inspection(identities, tuple(bad))


def identities(
    records: Sequence[Record], workers: int = 2, progress: Progress | None = None
) -> Mapping[str, str]:
    """Return the SHA-256 in hexadecimal of each record, by its name.

    It is that of the file's bytes; for pixels, of their shape and values. Raises BadImage
    for a file that can't be read.
    """
    with (progress or Silent()).task("hashing images", len(records)) as task:
        found: dict[str, str] = {}
        for name, identity in in_order(_identity, records, workers, _AHEAD):
            found[name] = identity
            task.advance()
    return found


def fingerprint(
    records: Sequence[Record], identities: Mapping[str, str], classes: Sequence[str]
) -> str:
    """Return the SHA-256 in hexadecimal of a data set, whatever the order of its records.

    Hashed is, for each record in the order of names, its name, its class name and its
    identity (looked up by name), each as UTF-8 (surrogates as in Python's `surrogatepass`)
    after its length in 8 bytes, big-endian.
    """
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda record: record.name):
        for text in (record.name, classes[record.label], identities[record.name]):
            field = text.encode("utf-8", "surrogatepass")
            digest.update(len(field).to_bytes(8, "big") + field)
    return digest.hexdigest()


def _inspected(record: Record, spec: ImageSpec) -> tuple[str, str, str]:
    """Return name, identity (empty where there is no file) and what is wrong (or nothing)."""
    identity = ""
    try:
        content = _content(record)
        identity = sha256(content)
        is_array = isinstance(record.source, np.ndarray)
        decode(record.source if is_array else content, spec, record.name)
    except BadImage as error:
        return record.name, identity, error.reason
    return record.name, identity, ""


def _identity(record: Record) -> tuple[str, str]:
    return record.name, sha256(_content(record))


def _content(record: Record) -> bytes:
    if isinstance(record.source, np.ndarray):
        return repr(record.source.shape).encode() + record.source.tobytes()
    return read_bytes(record.source, record.name)
