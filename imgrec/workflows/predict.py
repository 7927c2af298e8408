"""What is in a photo."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from imgrec.data.expand import expand
from imgrec.data.records import Record
from imgrec.evaluation.prediction import Prediction, predictions
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import Computing, Engine, open_engine
from imgrec.runtime.keras_engine import pretrained_engine
from imgrec.runtime.score import score

_ANYHOW = Computing()


@dataclass(frozen=True)
class Predicted:
    """The predictions for photos, in the order they were given, and whose they are."""

    model: str
    classes: tuple[str, ...]
    predictions: tuple[Prediction, ...]


def predict(
    photos: Sequence[str],
    *,
    model: Run | str,
    top: int = 5,
    computing: Computing = _ANYHOW,
    progress: Progress | None = None,
) -> Predicted:
    """Return the `top` classes of each photo; one that can't be read has an error instead.

    photos: files, folders (with everything below them), globs, or `-` for paths on stdin.
    model: a run, or the name of a pretrained classifier of `keras.applications`.
    computing: what answers for a run.
    Raises DataError for a folder without files or a glob without a match, RunError for a
    model that can't be used.
    """
    records = [Record(name, 0, path) for name, path in expand(photos, sys.stdin)]
    if isinstance(model, Run):
        name = model.name
        opened: Engine = open_engine(
            model, engine=computing.engine, precision=computing.precision, device=computing.device
        )
    else:
        name, opened = model, pretrained_engine(model, computing.device)
    scores = score(
        opened, records, labelled=False, bad_images="skip", progress=progress or Silent()
    )
    order = [record.name for record in records]
    return Predicted(name, opened.classes, predictions(scores, top, order))
