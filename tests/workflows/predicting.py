"""Photos predicted by one call."""

from __future__ import annotations

from collections.abc import Sequence

from imgrec.evaluation.prediction import Prediction
from imgrec.runs.folder import Run
from imgrec.workflows.prediction import document_sink, open_models, predict_photos


def predict(photos: Sequence[str], *, model: Run | str, top: int = 5) -> list[Prediction]:
    """Return the predictions of one model."""
    found: list[Prediction] = []
    predict_photos(photos, open_models([model]).with_options(top=top), document_sink(found.extend))
    return found
