"""Labels as keywords in sidecar files beside the photos, which stay as they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.records import Photo
from imgrec.data.storage import SIDECAR
from imgrec.errors import UsageError
from imgrec.evaluation.prediction import Prediction, combined_model
from imgrec.files import read_regular, reason_of, write_bytes_atomically
from imgrec.interface import option
from imgrec.text import printable
from imgrec.workflows.prediction.predict import OpenSink, PredictedBatch, Sink
from imgrec.workflows.prediction.predictor import Predictor

log = logging.getLogger("imgrec")

_LARGEST = 16 << 20
_MOST_WARNINGS = 20


@dataclass
class SidecarCounts:
    """How many sidecar files were written or changed, had the labels already, or failed."""

    written: int = 0
    unchanged: int = 0
    failed: int = 0


def sidecar_sink(sink: Sink, predictor: Predictor, counts: SidecarCounts) -> Sink:
    """Return a sink that writes the labels of photos into sidecar files, and then to `sink`.

    The file of `photo.jpg` is `photo.jpg.xmp`. Keywords of an earlier call are replaced; the rest
    of the file is kept. Without a label, no file is created. A file that is a link or not XMP is
    left as it is, with a warning.

    Args:
        sink: Where the predictions go.
        predictor: The models.
        counts: Counts the files.

    Raises:
        UsageError: The models have different classes, so there is no answer of all; or, while
            predicting, the photo comes from stdin.
    """
    if combined_model(predictor.members) is None:
        raise UsageError(
            f"{option('sidecar')}: the models have different classes, so a photo has no single "
            "answer",
            hint=f"give one {option('model')}",
        )

    @contextmanager
    def opened(photos: Iterator[Photo]) -> Iterator[OpenSink]:
        with sink(photos) as output:

            def write(batch: PredictedBatch) -> None:
                for photo, prediction in zip(batch.photos, batch.predictions, strict=True):
                    if prediction.error is None:
                        _write(photo, prediction, counts)
                output.write(batch)

            yield OpenSink(write, output.done)

    return opened


def _write(photo: Photo, prediction: Prediction, counts: SidecarCounts) -> None:
    try:
        _write_labels(photo, prediction, counts)
    except (OSError, ValueError) as error:
        counts.failed += 1
        if counts.failed <= _MOST_WARNINGS:
            place, reason = printable(photo.name + SIDECAR), printable(reason_of(error))
            log.warning("labels not written to %s: %s", place, reason)


def _write_labels(photo: Photo, prediction: Prediction, counts: SidecarCounts) -> None:
    """Write a sidecar file unless it has the labels.

    Raises OSError or ValueError if it has to stay as it is, RunError if it can't be written.
    """
    from imgrec.report.xmp import with_keywords

    if not isinstance(photo.source, Path):
        raise UsageError(
            f"{option('sidecar')}: a photo from stdin has no place for a sidecar file",
            hint="give the path of the photo",
        )
    path = photo.source.with_name(photo.source.name + SIDECAR)
    try:
        content = read_regular(path, _LARGEST, follow_links=False)
    except FileNotFoundError:
        content = None
    new = with_keywords(content, prediction.labels)
    if new is not None and new is not content:
        write_bytes_atomically(path, new)
        counts.written += 1
    elif prediction.labels:
        counts.unchanged += 1
