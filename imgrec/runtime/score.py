"""The one way from images to `Scores`, whatever the engine."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decoded
from imgrec.data.records import HasName, Photo, Record, labels_of
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Progress
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Scores, Skipped

if TYPE_CHECKING:
    from imgrec.corruption import Corruption

BATCH_SIZE = 32
"""The number of images that go through a model at once."""

_Pixels = NDArray[np.uint8] | BadImage
_Decoded = tuple[str, Mapping[ImageSpec, _Pixels]]


def score(
    engine: Engine,
    records: Sequence[Record],
    *,
    labelled: bool,
    bad_images: Literal["error", "skip"],
    progress: Progress,
    corruption: Corruption | None = None,
) -> Scores:
    """Return the model's probabilities for the images of some records, in their order.

    Args:
        engine: The model.
        records: The images; `Scores.rows` are indices into them.
        labelled: Whether the labels of the records are the truth.
        bad_images: `error` to raise BadImage for an image that can't be read, `skip` to list it in
            `Scores.skipped`.
        progress: Where progress is reported.
        corruption: How every image is changed first.

    Raises:
        BadImage: An image can't be read and `bad_images` is `error`.
    """
    chunks = []
    title = f"predicting {corruption}" if corruption else "predicting"
    with progress.task(title, len(records)) as task:
        for (chunk,) in score_chunks([engine], records, corruption):
            if bad_images == "error" and chunk.skipped:
                raise BadImage(*chunk.skipped[0])
            chunks.append(chunk)
            task.advance(len(chunk.names) + len(chunk.skipped))
    found = _joined(chunks, engine)
    if not labelled:
        return found
    scored = [records[row] for row in found.rows]
    return dataclasses.replace(
        found, truth=labels_of(scored, len(engine.classes), multi_label=True)
    )


def score_chunks(
    engines: Sequence[Engine], images: Iterable[HasName], corruption: Corruption | None = None
) -> Iterator[tuple[Scores, ...]]:
    """Yield the scores of each engine, without the truth, for `BATCH_SIZE` images at a time.

    Args:
        engines: The models. An image is decoded once for each size and form that they take.
        images: Any number, even endlessly many: while a chunk goes through the models, only the
            next one or two are decoded, in threads.
        corruption: As in `score`.

    Yields:
        One Scores for each engine. Its `rows` are positions within the chunk, which has fewer
        images only at the end; images that can't be read are in `skipped`.
    """
    specs = [dataclasses.replace(engine.spec, corruption=corruption) for engine in engines]
    decode = partial(_decoded, specs=tuple(dict.fromkeys(specs)))
    batches = map_in_order(decode, images, usable_cores(), ahead=2 * BATCH_SIZE)
    while batch := list(itertools.islice(batches, BATCH_SIZE)):
        yield tuple(
            _scored(engine, [(name, pixels[spec]) for name, pixels in batch])
            for engine, spec in zip(engines, specs, strict=True)
        )


def answers_in_batches(engine: Engine, images: Iterable[NDArray[np.uint8]]) -> ModelOutput:
    """Return the output of a model for decoded images, of which `BATCH_SIZE` go through it at once.

    Args:
        engine: The model.
        images: At least one, uint8 (height, width, channels) each.
    """
    rest, outputs = iter(images), []
    while batch := list(itertools.islice(rest, BATCH_SIZE)):
        outputs.append(engine.answers(np.stack(batch)))
    return joined_output(outputs)


def joined_output(outputs: Sequence[ModelOutput]) -> ModelOutput:
    """Return the output of a model for several batches, at least one, as that for one."""
    similarity = [each.ood_similarity for each in outputs if each.ood_similarity is not None]
    return ModelOutput(
        np.concatenate([each.probabilities for each in outputs]),
        np.concatenate(similarity) if similarity else None,
    )


def scores_of(
    engine: Engine,
    names: Sequence[str],
    reasons: Sequence[str | None],
    output: ModelOutput | None,
) -> Scores:
    """Return the scores of some images, without the truth.

    Args:
        engine: The model.
        names: Those of the images.
        reasons: Why an image can't be read; None if it can.
        output: The model's output for the images that can be read, in their order; None if there
            are none.
    """
    if output is None:
        output = ModelOutput(np.empty((0, len(engine.classes)), np.float32))
    rows = [row for row, reason in enumerate(reasons) if reason is None]
    return Scores(
        names=tuple(names[row] for row in rows),
        truth=None,
        probabilities=output.probabilities,
        classes=engine.classes,
        skipped=tuple(
            Skipped(name, reason)
            for name, reason in zip(names, reasons, strict=True)
            if reason is not None
        ),
        ood_similarity=output.ood_similarity,
        decision=engine.decision,
        rows=np.array(rows, np.int64),
    )


def _decoded(image: Record | Photo, specs: Sequence[ImageSpec]) -> _Decoded:
    return image.name, {spec: decoded(image, spec) for spec in specs}


def _scored(engine: Engine, batch: Sequence[tuple[str, _Pixels]]) -> Scores:
    images = [pixels for _, pixels in batch if not isinstance(pixels, BadImage)]
    output = engine.answers(np.stack(images)) if images else None
    reasons = [pixels.reason if isinstance(pixels, BadImage) else None for _, pixels in batch]
    return scores_of(engine, [name for name, _ in batch], reasons, output)


def _joined(chunks: Sequence[Scores], engine: Engine) -> Scores:
    nothing = np.empty((0, len(engine.classes)), np.float32)
    similarity = [chunk.ood_similarity for chunk in chunks if chunk.ood_similarity is not None]
    rows = [chunk.rows + number * BATCH_SIZE for number, chunk in enumerate(chunks)]
    return Scores(
        names=tuple(name for chunk in chunks for name in chunk.names),
        truth=None,
        probabilities=np.concatenate([nothing, *(chunk.probabilities for chunk in chunks)]),
        classes=engine.classes,
        skipped=tuple(skipped for chunk in chunks for skipped in chunk.skipped),
        ood_similarity=np.concatenate(similarity) if similarity else None,
        decision=engine.decision,
        rows=np.concatenate([np.empty(0, np.int64), *rows]),
    )
