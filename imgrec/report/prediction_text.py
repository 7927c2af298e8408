"""Predictions as text for programs: JSON, JSON lines, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from imgrec.evaluation.prediction import Prediction
from imgrec.report.cells import cell, probability_cell
from imgrec.report.json_text import json_line, json_number, json_text


def predictions_json(
    predictions: Sequence[Prediction], *, model: str, classes: Sequence[str]
) -> str:
    """Return one JSON document; `model` and `classes` say what predicted, out of what."""
    return json_text(
        {
            "schema_version": 1,
            "model": model,
            "classes": list(classes),
            "predictions": [_fields(prediction) for prediction in predictions],
        }
    )


def predictions_jsonl(predictions: Sequence[Prediction], *, model: str) -> str:
    """Return one JSON document a photo, each on its line."""
    head = {"schema_version": 1, "model": model}
    return "".join(json_line(head | _fields(prediction)) for prediction in predictions)


def predictions_csv(predictions: Sequence[Prediction]) -> str:
    """Return a line for each photo and rank, and one for each photo with an error.

    Names are as people see them elsewhere, with an apostrophe before what a spreadsheet
    would run as a formula.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["photo", "rank", "class", "probability", "error"])
    for prediction in predictions:
        writer.writerows(_rows(prediction))
    return text.getvalue()


def _fields(prediction: Prediction) -> dict[str, object]:
    return {
        "photo": prediction.name,
        "top": [
            {"class": ranked.class_name, "probability": json_number(ranked.probability)}
            for ranked in prediction.top
        ],
        "error": prediction.error,
    }


def _rows(prediction: Prediction) -> Iterator[tuple[str, ...]]:
    photo = cell(prediction.name)
    if prediction.error is not None:
        yield photo, "", "", "", cell(prediction.error)
    for rank, (class_name, probability) in enumerate(prediction.top, start=1):
        yield photo, str(rank), cell(class_name), probability_cell(probability), ""
