"""Predictions as text for programs: JSON, JSON lines, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Literal

from imgrec.evaluation.prediction import Answer, ModelInfo, Prediction, combined_model
from imgrec.report.csv import cell, probability_cell
from imgrec.report.json import json_line, json_text

LineForm = Literal["jsonl", "csv"]

_COLUMNS = ("photo", "model", "rank", "class", "probability", "known", "answer", "error")


def predictions_json(predictions: Sequence[Prediction], *, members: Sequence[ModelInfo]) -> str:
    """Return one JSON document; `members` are the models that were asked."""
    return json_text(
        {
            **_head(members),
            "models": [_member(member) for member in members],
            "predictions": [prediction.as_dict() for prediction in predictions],
        }
    )


def predictions_jsonl(predictions: Sequence[Prediction], *, members: Sequence[ModelInfo]) -> str:
    """Return one JSON document a photo, each on its line."""
    head = _head(members)
    return "".join(json_line(head | prediction.as_dict()) for prediction in predictions)


def header(form: LineForm) -> str:
    """Return what stands before the first of the `lines`."""
    return ",".join(_COLUMNS) + "\n" if form == "csv" else ""


def lines(form: LineForm, predictions: Sequence[Prediction], members: Sequence[ModelInfo]) -> str:
    """Return the lines of some of the predictions; all one after the other are the text.

    As CSV there is one for each photo, model and rank, and one for each photo with an error.
    `answer` is true where the class is the answer, or one of several. Names are as people see
    them elsewhere, with an apostrophe before what a spreadsheet would run as a formula.
    """
    if form == "csv":
        return _csv_lines(predictions, members)
    return predictions_jsonl(predictions, members=members)


def _csv_lines(predictions: Sequence[Prediction], members: Sequence[ModelInfo]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    whole = combined_model(members)
    for prediction in predictions:
        writer.writerows(_rows(prediction, whole))
    return text.getvalue()


def _head(members: Sequence[ModelInfo]) -> dict[str, object]:
    whole = combined_model(members)
    return {"schema_version": 1, "model": whole.model if whole else None}


def _member(member: ModelInfo) -> dict[str, object]:
    thresholds = member.decision.class_thresholds
    return {
        "model": member.model,
        "classes": list(member.classes),
        "threshold": member.decision.min_probability,
        "multi_label": member.multi_label,
        "thresholds": None if thresholds is None else list(thresholds),
    }


def _rows(prediction: Prediction, whole: ModelInfo | None) -> Iterator[tuple[str, ...]]:
    photo, model = cell(prediction.name), cell(whole.model) if whole else ""
    if prediction.error is not None:
        yield photo, model, "", "", "", "false", "", cell(prediction.error)
        return
    name = whole.model if whole else ""
    own = Answer(name, prediction.top, prediction.known, prediction.labels)
    for answer in (own, *prediction.answers):
        for rank, (class_name, probability) in enumerate(answer.top, start=1):
            number = probability_cell(probability)
            known = "true" if answer.known else "false"
            named = "true" if class_name in answer.labels else "false"
            about = (cell(answer.model), str(rank), cell(class_name), number)
            yield photo, *about, known, named, ""
