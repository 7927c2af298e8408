"""The file predictions.npz of a run: what its model answers for each image it was judged on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.archives import check_directory
from imgrec.errors import RunError
from imgrec.files import MAX_TABLE_BYTES, read_regular, reason_of
from imgrec.runs.writer import RunWriter
from imgrec.scores import ONE_LABEL, Decision, Scores
from imgrec.text import printable

PREDICTIONS_FILE = "predictions.npz"


def write_predictions(writer: RunWriter, scores: Scores) -> None:
    """Write the scores of images whose labels are known into a run."""
    buffer = io.BytesIO()
    arrays = {
        "names": _texts(scores.names),
        "truth": scores.positives,
        "probabilities": scores.probabilities,
        "classes": _texts(scores.classes),
        "thresholds": np.array(scores.decision.class_thresholds or (), np.float64),
    }
    np.savez(buffer, allow_pickle=False, **arrays)
    writer.write_bytes(PREDICTIONS_FILE, buffer.getvalue())


def read_predictions(folder: Path) -> Scores:
    """Return the scores in a run's folder; raises RunError if they are missing or damaged."""
    path = folder / PREDICTIONS_FILE
    try:
        content = read_regular(path, MAX_TABLE_BYTES)
        check_directory(io.BytesIO(content))
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _scores({name: arrays[name] for name in arrays.files})
    except Exception as error:  # a damaged archive or header raises nearly anything
        raise RunError(f"{printable(str(path))} can't be read: {reason_of(error)}") from error


def _scores(arrays: dict[str, NDArray[Any]]) -> Scores:
    names, classes = (tuple(arrays[name].tolist()) for name in ("names", "classes"))
    truth, probabilities = arrays["truth"], arrays["probabilities"]
    thresholds = tuple(arrays["thresholds"].tolist())
    shape = len(names), len(classes)
    if not truth.shape == probabilities.shape == shape or len(thresholds) not in (0, len(classes)):
        raise ValueError("its arrays don't fit together")
    if truth.dtype != np.bool_ or probabilities.dtype != np.float32:
        raise ValueError("its arrays are of other types")
    decision = Decision(class_thresholds=thresholds) if thresholds else ONE_LABEL
    return Scores(names, truth, probabilities, classes, decision=decision)


def _texts(texts: Sequence[str]) -> NDArray[np.str_]:
    return np.array(texts, dtype=np.str_)
