"""The one way from images to `Scores`, whatever the engine."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import HasName, decode_in_order
from imgrec.data.records import Record, labels_of
from imgrec.errors import BadImage
from imgrec.parallel import usable_cores
from imgrec.progress import Progress
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Scores, Skipped

Rotation = Literal[0, 90, 180, 270]

BATCH_SIZE = 32
"""How many images go through a model at once, and how many a chunk is of."""


def score(
    engine: Engine,
    records: Sequence[Record],
    *,
    labelled: bool,
    bad_images: Literal["error", "skip"],
    progress: Progress,
    turn: Rotation = 0,
) -> Scores:
    """Return the probabilities of the records' images, in their order.

    labelled: whether the records' labels are the truth; their names are unique then.
    bad_images: whether an image that can't be read raises BadImage or is named in `skipped`.
    turn: degrees by which every picture is turned first, counter-clockwise.
    """
    chunks = []
    with progress.task("predicting", len(records)) as task:
        for chunk in score_chunks(engine, records, turn):
            if bad_images == "error" and chunk.skipped:
                raise BadImage(*chunk.skipped[0])
            chunks.append(chunk)
            task.advance(len(chunk.names) + len(chunk.skipped))
    found = _joined(chunks, engine)
    if not labelled:
        return found
    by_name = {record.name: record for record in records}
    truth = labels_of(
        [by_name[name] for name in found.names],
        len(engine.classes),
        multi_label=engine.thresholds is not None,
    )
    return dataclasses.replace(found, truth=truth)


def score_chunks(engine: Engine, images: Iterable[HasName], turn: Rotation = 0) -> Iterator[Scores]:
    """Yield the probabilities of BATCH_SIZE images after the other, without their truth.

    A chunk is of the next BATCH_SIZE of `images`, fewer at the end; those that can't be read
    are in its `skipped`. `images` may be endless: while a chunk goes through the model, only
    the next one or two are decoded, in threads. turn: as in `score`.
    """
    spec = dataclasses.replace(engine.spec, turn=turn)
    readable = decode_in_order(images, spec, usable_cores(), ahead=2 * BATCH_SIZE)
    while batch := list(itertools.islice(readable, BATCH_SIZE)):
        yield _scored(engine, batch)


def _scored(
    engine: Engine, batch: Sequence[tuple[HasName, NDArray[np.uint8] | BadImage]]
) -> Scores:
    found = [(each.name, image) for each, image in batch if not isinstance(image, BadImage)]
    bad = [Skipped(each.name, image.reason) for each, image in batch if isinstance(image, BadImage)]
    answers = _asked(engine, [image for _, image in found])
    return Scores(
        names=tuple(name for name, _ in found),
        truth=None,
        probabilities=answers.probabilities,
        classes=engine.classes,
        skipped=tuple(bad),
        ood_similarity=answers.ood_similarity,
        thresholds=engine.thresholds,
    )


def _asked(engine: Engine, images: Sequence[NDArray[np.uint8]]) -> ModelOutput:
    if not images:
        return ModelOutput(np.empty((0, len(engine.classes)), np.float32))
    return engine.answers(np.stack(images))


def _joined(chunks: Sequence[Scores], engine: Engine) -> Scores:
    nothing = np.empty((0, len(engine.classes)), np.float32)
    rows = [nothing, *(chunk.probabilities for chunk in chunks)]
    ood_similarity = [chunk.ood_similarity for chunk in chunks if chunk.ood_similarity is not None]
    return Scores(
        names=tuple(name for chunk in chunks for name in chunk.names),
        truth=None,
        probabilities=np.concatenate(rows),
        classes=engine.classes,
        skipped=tuple(skipped for chunk in chunks for skipped in chunk.skipped),
        ood_similarity=np.concatenate(ood_similarity) if ood_similarity else None,
        thresholds=engine.thresholds,
    )
