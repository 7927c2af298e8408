"""Predictions for programs: JSON, JSON lines, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from imgrec.evaluation.prediction import (
    Answer,
    MergedDocument,
    ModelInfo,
    PhotoDocument,
    Prediction,
    Share,
    combined_model,
    photo_document,
)
from imgrec.json_documents import as_builtins, json_line, parse_json
from imgrec.report.csv import probability_cell
from imgrec.report.documents.explanation import ExplanationDocument
from imgrec.runs.card import ExportParity
from imgrec.text import csv_cell

LineForm = Literal["jsonl", "csv"]

_COLUMNS = ("photo", "model", "rank", "class", "probability", "known", "answer", "error")
_VERSION: Literal[2] = 2


class PredictionHead(Struct, frozen=True):
    """Whose predictions these are."""

    schema_version: Literal[2]
    model: Annotated[
        str | None,
        Meta(
            description="Whose answer `top` is: the model's; `mean` for several models of the same "
            "classes; null if their classes differ."
        ),
    ]


class ModelDocument(Struct, frozen=True):
    """One of the models that predicted."""

    model: Annotated[
        str,
        Meta(
            description="The name of the run, or its path if two runs have the same name; or that "
            "of the ImageNet classifier."
        ),
    ]
    classes: tuple[str, ...]
    threshold: Annotated[
        Share | None,
        Meta(description="The probability below which the answer is unknown; null: none."),
    ]
    multi_label: Annotated[
        bool, Meta(description="Whether a photo may have several classes, or none.")
    ]
    thresholds: Annotated[
        tuple[Share, ...] | None,
        Meta(
            description="With multi_label: the probability from which on a photo has the class, in "
            "the order of the classes; else null."
        ),
    ]
    merged: MergedDocument | UnsetType = UNSET


class PredictionDocument(PredictionHead, frozen=True):
    """All photos of one command, in the order in which they were named."""

    models: Annotated[tuple[ModelDocument, ...], Meta(description="The models that predicted.")]
    predictions: tuple[PhotoDocument, ...]


class IdentityDocument(Struct, frozen=True):
    """Exactly which model answers."""

    model: Annotated[str, Meta(description="As in `models`.")]
    weights: Annotated[
        str,
        Meta(description="The SHA-256 of the model's file, or the name of an ImageNet classifier."),
    ]
    fingerprint: Annotated[
        str | None, Meta(description="That of the training images; null if it is not known.")
    ]
    certificate: Annotated[
        ExportParity | None,
        Meta(
            description="How close the answers of the model's file are to those of best.keras; "
            "null if they were not compared."
        ),
    ]


class ServedDocument(Struct, frozen=True):
    """The model of a service that answers."""

    name: Annotated[str, Meta(description="The name by which the service has it.")]
    models: Annotated[tuple[IdentityDocument, ...], Meta(description="In the order of `models`.")]


class ClassificationDocument(PredictionDocument, frozen=True):
    """The photos of one request, in their order."""

    served: ServedDocument
    explanation: Annotated[
        ExplanationDocument | UnsetType,
        Meta(description="Only with explain: where in the photos the model sees their classes."),
    ] = UNSET
    pictures: Annotated[
        tuple[str | None, ...] | UnsetType,
        Meta(
            description="Only with explain: a PNG of each explanation, in base64; null for a photo "
            "that can't be used."
        ),
    ] = UNSET


def prediction_document(
    predictions: Sequence[Prediction], members: Sequence[ModelInfo]
) -> PredictionDocument:
    """Return the document of all photos; `members` are the models that predicted."""
    return PredictionDocument(
        schema_version=_VERSION,
        model=_model(members),
        models=tuple(map(_member, members)),
        predictions=tuple(map(photo_document, predictions)),
    )


def classification_document(
    predictions: Sequence[Prediction], members: Sequence[ModelInfo], served: ServedDocument
) -> ClassificationDocument:
    """Return the document of the photos of a request; see `prediction_document`."""
    whole = prediction_document(predictions, members)
    return ClassificationDocument(
        **{name: getattr(whole, name) for name in whole.__struct_fields__}, served=served
    )


def header(form: LineForm) -> str:
    """Return what stands before the first of the `lines`."""
    return ",".join(_COLUMNS) + "\n" if form == "csv" else ""


def lines(form: LineForm, predictions: Sequence[Prediction], members: Sequence[ModelInfo]) -> str:
    """Return the lines of some predictions; `header` and all lines make the file.

    JSON has a line for each photo. CSV has one for each photo, model and rank, and one for each
    photo with an error; `answer` is true where the class is the answer, or one of several. Names
    in CSV are printable, with an apostrophe before what a spreadsheet would run as a formula.
    """
    if form == "csv":
        return _csv_lines(predictions, members)
    head = as_builtins(PredictionHead(_VERSION, _model(members)))
    return "".join(json_line(head | as_builtins(photo_document(each))) for each in predictions)


class WrittenLine(NamedTuple):
    """What a line says: about which photo, whose answers, and whether it can't be used."""

    photo: str
    models: frozenset[str]
    failed: bool


def written_lines(form: LineForm, text: Iterable[str]) -> Iterator[WrittenLine]:
    """Yield what each of the `lines` in a file says, names as they are written there.

    Raises ValueError if it is no such file, or was cut off within a line.
    """
    whole = (each if each.endswith("\n") else "" for each in text)
    try:
        if form == "csv":
            rows = csv.reader(whole, strict=True)
            if tuple(next(rows, ())) != _COLUMNS:
                raise ValueError("other columns")
            for photo, model, *_, error in rows:
                yield WrittenLine(photo, frozenset(filter(None, [model])), bool(error))
        else:
            for found in map(parse_json, whole):
                models = [found["model"], *(each["model"] for each in found["answers"])]
                failed = found["error"] is not None
                yield WrittenLine(found["photo"], frozenset(filter(None, models)), failed)
    except (csv.Error, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def written_name(form: LineForm, name: str) -> str:
    """Return how `lines` write the name of a photo or model."""
    return csv_cell(name) if form == "csv" else name


def _csv_lines(predictions: Sequence[Prediction], members: Sequence[ModelInfo]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    whole = combined_model(members)
    for prediction in predictions:
        writer.writerows(_rows(prediction, whole))
    return text.getvalue()


def _model(members: Sequence[ModelInfo]) -> str | None:
    whole = combined_model(members)
    return whole.model if whole else None


def _member(member: ModelInfo) -> ModelDocument:
    return ModelDocument(
        model=member.model,
        classes=member.classes,
        threshold=member.decision.min_probability,
        multi_label=member.multi_label,
        thresholds=member.decision.class_thresholds,
        merged=member.merged or UNSET,
    )


def _rows(prediction: Prediction, whole: ModelInfo | None) -> Iterator[tuple[str, ...]]:
    photo, model = csv_cell(prediction.name), csv_cell(whole.model) if whole else ""
    if prediction.error is not None:
        yield photo, model, "", "", "", "false", "", csv_cell(prediction.error)
        return
    name = whole.model if whole else ""
    own = Answer(name, prediction.top, prediction.known, prediction.labels)
    for answer in (own, *prediction.answers):
        for rank, (class_name, probability) in enumerate(answer.top, start=1):
            number = probability_cell(probability)
            known = "true" if answer.known else "false"
            named = "true" if class_name in answer.labels else "false"
            about = (csv_cell(answer.model), str(rank), csv_cell(class_name), number)
            yield photo, *about, known, named, ""
