"""One look at each image for a check: numbers stay, pixels go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgrec.data.batches import in_order, usable_cores
from imgrec.data.content import content
from imgrec.data.identity import identity_of
from imgrec.data.images import ImageSpec, decode
from imgrec.data.near import SIDE, picture_hash
from imgrec.data.records import Record
from imgrec.data.traits import Traits, traits_of
from imgrec.errors import BadImage

_SMALL = ImageSpec(SIDE, SIDE, channels=1)


@dataclass(frozen=True, slots=True)
class Look:
    """What one image is.

    identity: its SHA-256, empty where there is no file. reason: why it can't be read, empty
    where it can. traits: None where it can't. hash: 64 bits, None where there is nothing to see.
    """

    identity: str
    reason: str = ""
    traits: Traits | None = None
    hash: int | None = None


def look_at(records: Sequence[Record]) -> Iterator[Look]:
    """Yield a look at each record, in order; each file is read once, in several threads."""
    workers = usable_cores()
    return in_order(_look, records, workers, 4 * workers)


def _look(record: Record) -> Look:
    identity = ""
    try:
        found = content(record.source, record.name)
        identity = identity_of(found)
        grey = decode(found, _SMALL, record.name)[..., 0]
        return Look(identity, "", traits_of(found), picture_hash(grey))
    except BadImage as error:
        return Look(identity, error.reason)
