"""What is known of each image once it was read: for the training, and for the cache's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, Traits, identity_of, inspect_image
from imgrec.data.records import ByteRange, ImageSource, Record
from imgrec.data.storage import absolute, status
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Progress
from imgrec.scores import Skipped


@dataclass(frozen=True)
class Inspection:
    """What reading every image once has shown.

    identities: the SHA-256 of every record that could be read, by its name, also of those that
    can't be decoded. bad: the records that can't be read or decoded, in order. traits: what each of
    the others is like, by its name.
    """

    identities: Mapping[str, str]
    bad: tuple[Skipped, ...]
    traits: Mapping[str, Traits]


@dataclass(frozen=True)
class ImageVerdict:
    """What is known of one image.

    identity: its SHA-256, empty if there is no file. fault: why it can't be decoded, empty if it
    can. traits: None if it can't.
    """

    identity: str
    fault: str = ""
    traits: Traits | None = None


def inspect_images(
    records: Sequence[Record],
    spec: ImageSpec,
    progress: Progress,
    keep: Callable[[NDArray[np.uint8]], object],
) -> tuple[ImageVerdict, ...]:
    """Read every record once, in parallel, and return what was found of each.

    A few images per core are in memory at a time.

    Args:
        records: The images.
        spec: The form of their pixels.
        progress: Shows how far it is.
        keep: Called with the pixels, uint8 (height, width, channels), of every sound image, in
            the order of `records`.
    """
    workers, verdicts = usable_cores(), []
    with progress.task("checking images", len(records)) as task:
        look = partial(_inspected, spec=spec)
        for verdict, pixels in map_in_order(look, records, workers, 4 * workers):
            if pixels is not None:
                keep(pixels)
            verdicts.append(verdict)
            task.advance()
    return tuple(verdicts)


def verdict_of(record: Record, spec: ImageSpec) -> ImageVerdict:
    """Return what is found of one record."""
    return _inspected(record, spec)[0]


def inspection_of(records: Sequence[Record], verdicts: Sequence[ImageVerdict]) -> Inspection:
    """Return what was found of `records`, whose names have to be unique."""
    pairs = list(zip(records, verdicts, strict=True))
    return Inspection(
        {record.name: verdict.identity for record, verdict in pairs if verdict.identity},
        tuple(Skipped(record.name, verdict.fault) for record, verdict in pairs if verdict.fault),
        {record.name: verdict.traits for record, verdict in pairs if verdict.traits},
    )


def source_key(source: ImageSource) -> str:
    """Return what names the image on this machine: its absolute path, or the hash of pixels."""
    if isinstance(source, np.ndarray):
        return identity_of(source)
    if isinstance(source, ByteRange):
        return f"{absolute(source.path)}\0{source.start}\0{source.length}"
    return absolute(source)


def file_stamp(source: ImageSource) -> str:
    """Return the stamp of the image's file; empty if there is none, and for pixels."""
    if isinstance(source, np.ndarray):
        return ""
    try:
        return status(source.path if isinstance(source, ByteRange) else source).stamp
    except (OSError, ValueError):
        return ""


def _inspected(record: Record, spec: ImageSpec) -> tuple[ImageVerdict, NDArray[np.uint8] | None]:
    found = inspect_image(record, spec)
    pixels = None if isinstance(found.pixels, BadImage) else found.pixels
    return ImageVerdict(found.identity, found.fault, found.traits), pixels
