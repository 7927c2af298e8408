"""One look at every image: what it is, its pixels, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images.decoder import ImageSpec, decode
from imgrec.data.images.files import identity_of, image_bytes
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Progress
from imgrec.scores import Skipped


@dataclass(frozen=True)
class Inspection:
    """What reading every image once has shown.

    identities: the SHA-256 of every record that could be read, by its name, bad images'
    among them where there is a file. bad: the records that can't be decoded, in order.
    """

    identities: Mapping[str, str]
    bad: tuple[Skipped, ...]


@dataclass(frozen=True)
class ImageVerdict:
    """What is known of one image: its SHA-256 (empty: no file), its fault (empty: none)."""

    identity: str
    fault: str = ""


def inspect_images(
    records: Sequence[Record],
    spec: ImageSpec,
    progress: Progress,
    keep: Callable[[NDArray[np.uint8]], object],
) -> tuple[ImageVerdict, ...]:
    """Read every record once, in parallel, and return what was found of each.

    keep: called with the pixels, uint8 (height, width, channels), of every sound image, in the
    order of `records`. A few images per core are in memory at a time.
    """
    workers, verdicts = usable_cores(), []
    with progress.task("checking images", len(records)) as task:
        look = partial(_examined, spec=spec)
        for verdict, pixels in map_in_order(look, records, workers, 4 * workers):
            if pixels is not None:
                keep(pixels)
            verdicts.append(verdict)
            task.advance()
    return tuple(verdicts)


def verdict_of(record: Record, spec: ImageSpec) -> ImageVerdict:
    """Return what is found of one record."""
    return _examined(record, spec)[0]


def inspection_of(records: Sequence[Record], verdicts: Sequence[ImageVerdict]) -> Inspection:
    """Return what was found of `records`, whose names have to be unique."""
    pairs = list(zip(records, verdicts, strict=True))
    return Inspection(
        {record.name: verdict.identity for record, verdict in pairs if verdict.identity},
        tuple(Skipped(record.name, verdict.fault) for record, verdict in pairs if verdict.fault),
    )


def _examined(record: Record, spec: ImageSpec) -> tuple[ImageVerdict, NDArray[np.uint8] | None]:
    identity = ""
    try:
        found = image_bytes(record.source, record.name)
        identity = identity_of(found)
        return ImageVerdict(identity), decode(found, spec, record.name)
    except BadImage as error:
        return ImageVerdict(identity, error.reason), None
