"""The one way from images to `Scores`, whatever the engine."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.data.batches import decoded
from imgrec.data.images import ImageSpec
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.progress import Progress
from imgrec.runtime.engine import Engine
from imgrec.scores import Scores, Skipped

BATCH_SIZE = 32

Pixels = tuple[Record, NDArray[np.uint8]]


def score(
    engine: Engine,
    records: Sequence[Record],
    *,
    labelled: bool,
    bad_images: Literal["error", "skip"],
    progress: Progress,
    turn: Literal[0, 90, 180, 270] = 0,
) -> Scores:
    """Return the probabilities of the records' images, in their order.

    labelled: whether the records' labels are the truth. bad_images: whether an image that
    can't be read raises BadImage or is named in `skipped`. turn: degrees by which every picture
    is turned first, counter-clockwise.
    """
    skipped: list[Skipped] = []
    kept: list[Record] = []
    spec = dataclasses.replace(engine.spec, turn=turn)
    rows: list[NDArray[np.float32]] = [np.empty((0, len(engine.classes)), np.float32)]
    with progress.task("predicting", len(records)) as task:
        for batch in _batches(_readable(records, spec, bad_images, skipped)):
            kept += [record for record, _ in batch]
            rows.append(engine.probabilities(np.stack([image for _, image in batch])))
            task.advance(len(batch))
    return Scores(
        names=tuple(record.name for record in kept),
        truth=np.array([record.label for record in kept], np.int64) if labelled else None,
        probabilities=np.concatenate(rows),
        classes=engine.classes,
        skipped=tuple(skipped),
    )


def _readable(
    records: Sequence[Record], spec: ImageSpec, bad_images: str, skipped: list[Skipped]
) -> Iterator[Pixels]:
    for record, image in decoded(records, spec):
        if not isinstance(image, BadImage):
            yield record, image
        elif bad_images == "error":
            raise image
        else:
            skipped.append(Skipped(record.name, image.reason))


def _batches(pixels: Iterator[Pixels]) -> Iterator[list[Pixels]]:
    while batch := list(itertools.islice(pixels, BATCH_SIZE)):
        yield batch
