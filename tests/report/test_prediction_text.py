"""Predictions for programs keep every value, and run nothing in a spreadsheet."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from typing import Literal

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from imgrec.evaluation.prediction import Answer, ModelInfo, Prediction, Ranked
from imgrec.json_documents import json_text
from imgrec.report.documents import header, lines, prediction_document
from imgrec.scores import Decision
from imgrec.text import printable
from tests.conftest import PROJECT

ONE = (ModelInfo("last", ("cat", "dog")),)
FOUND = (
    Prediction("a.jpg", (Ranked("cat", 0.75), Ranked("dog", 0.25)), labels=("cat",)),
    Prediction("bad.jpg", (), "is not an image", known=False),
)


def as_csv(predictions: Sequence[Prediction], members: Sequence[ModelInfo]) -> str:
    """Return the text that `predict --format csv` gives."""
    return header("csv") + lines("csv", predictions, members)


def as_json(predictions: Sequence[Prediction], members: Sequence[ModelInfo]) -> str:
    """Return the text that `predict --format json` gives."""
    return json_text(prediction_document(predictions, members))


def as_jsonl(predictions: Sequence[Prediction], members: Sequence[ModelInfo]) -> str:
    """Return the text that `predict --format jsonl` gives."""
    return header("jsonl") + lines("jsonl", predictions, members)


def read(text: str) -> list[dict[str, str]]:
    """Read CSV text as a program would."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_json_says_who_predicted_what(snapshot: SnapshotAssertion) -> None:
    """The document names the model, the classes and each photo's answer or error."""
    assert as_json(FOUND, ONE) == snapshot


def test_json_lines_stand_alone() -> None:
    """Each line is a document, so that files of them can be joined."""
    first, second = map(json.loads, as_jsonl(FOUND, ONE).splitlines())
    assert first["top"][0] == {"class": "cat", "probability": 0.75}
    assert second["error"] == "is not an image"
    assert first["schema_version"] == second["schema_version"] == 2
    assert first["model"] == "last"


def test_csv_has_a_line_for_each_rank(snapshot: SnapshotAssertion) -> None:
    """The whole text, as a spreadsheet gets it."""
    assert as_csv(FOUND, ONE) == snapshot


def test_no_photos_are_an_empty_document() -> None:
    """Without a photo the forms are still whole."""
    assert json.loads(as_json((), ONE))["predictions"] == []
    assert as_jsonl((), ONE) == ""
    assert as_csv((), ONE) == "photo,model,rank,class,probability,known,answer,error\n"


@given(st.floats(0, 1, width=32))
def test_probabilities_are_float32_exactly(probability: float) -> None:
    """Reading a probability back as float32 gives the model's own number."""
    found = (Prediction("a.jpg", (Ranked("cat", probability),)),)
    from_csv = np.float32(read(as_csv(found, ONE))[0]["probability"])
    document = json.loads(as_json(found, ONE))
    assert from_csv == np.float32(probability)
    assert document["predictions"][0]["top"][0]["probability"] == probability


@given(st.text(st.characters(), min_size=1))
def test_any_name_is_one_harmless_cell(name: str) -> None:
    """A name can start no formula, no new line and no new cell, and can be encoded."""
    found = (Prediction(name, (Ranked(name, 0.5),)), Prediction(name, (), name))
    text = as_csv(found, ONE)
    text.encode("utf-8")
    rows = read(text)
    for cell in (rows[0]["photo"], rows[0]["class"], rows[1]["error"]):
        assert not cell.lstrip().startswith(tuple("=+-@\t\r"))
        assert cell.removeprefix("'") == printable(name).removeprefix("'")
    assert text.count("\n") == 3


def test_hostile_names_in_every_form(hostile: tuple[str, ...]) -> None:
    """JSON keeps them exactly, CSV shows them readably."""
    found = tuple(Prediction(name, (Ranked(name, 0.5),), None) for name in hostile)
    document = json.loads(as_json(found, (ModelInfo(hostile[0], hostile),)))
    lines = [json.loads(line) for line in as_jsonl(found, ONE).splitlines()]
    assert [answer["photo"] for answer in document["predictions"]] == list(hostile)
    assert [answer["top"][0]["class"] for answer in lines] == list(hostile)
    cells = [row["photo"] for row in read(as_csv(found, ONE))]
    assert "'=cmd|' /C calc'!A0" in cells
    assert "nul\\x00 line\\nfeed\\r\\x85end" in cells


def test_several_models_in_every_form() -> None:
    """The mean leads, each model follows; without a mean there is nothing in its place."""
    cat, dog = (Ranked("cat", 0.75),), (Ranked("dog", 0.5),)
    answers = (Answer("m", cat, labels=("cat",)), Answer("n", dog, known=False))
    members = (ModelInfo("m", ("cat", "dog")), ModelInfo("n", ("dog", "cat"), Decision(0.9)))
    found = (Prediction("a.jpg", cat, known=False, answers=answers, agree=False),)
    assert as_csv(found, members).splitlines()[1:] == [
        "a.jpg,mean,1,cat,0.75,false,false,",
        "a.jpg,m,1,cat,0.75,true,true,",
        "a.jpg,n,1,dog,0.5,false,false,",
    ]
    (line,) = map(json.loads, as_jsonl(found, members).splitlines())
    assert (line["model"], line["agree"]) == ("mean", False)
    assert [(each["model"], each["known"]) for each in line["answers"]] == [
        ("m", True),
        ("n", False),
    ]
    other = (members[0], ModelInfo("n", ("owl",)))
    apart = (Prediction("a.jpg", (), known=False, answers=answers),)
    assert [row["model"] for row in read(as_csv(apart, other))] == ["m", "n"]
    assert json.loads(as_json(apart, other))["model"] is None


@pytest.mark.parametrize("agree", [None, True])
def test_json_holds_to_its_schema(agree: Literal[True] | None) -> None:
    """Both forms fit docs/prediction.schema.json, which knows every key they have."""
    schema = json.loads((PROJECT / "docs/prediction.schema.json").read_text(encoding="utf-8"))
    one = dataclasses.replace(ONE[0], merged={"cat": ("lynx", "tabby")})
    members = (one, ModelInfo("n", ("dog", "cat"), Decision(0.5))) if agree else (one,)
    answers = (Answer("last", FOUND[0].top), Answer("n", (), known=False)) if agree else ()
    found = (dataclasses.replace(FOUND[0], answers=answers, agree=agree), *FOUND[1:])
    document = json.loads(as_json(found, members))
    lines = [json.loads(line) for line in as_jsonl(found, members).splitlines()]
    for each in (document, *lines):
        jsonschema.validate(each, schema)
    known = {name: set(part.get("properties", ())) for name, part in schema["$defs"].items()}
    photo = known["PhotoDocument"]
    assert set(document) == known["PredictionDocument"]
    assert set(document["models"][0]) == known["ModelDocument"]
    assert all(set(each) == photo for each in document["predictions"])
    assert all(set(each) == known["PredictionHead"] | photo for each in lines)
    assert all(set(each) == known["AnswerDocument"] for each in lines[0]["answers"])


def test_the_schema_refuses_other_documents() -> None:
    """A probability above 1, and a line without its photo."""
    schema = json.loads((PROJECT / "docs/prediction.schema.json").read_text(encoding="utf-8"))
    good = json.loads(as_jsonl(FOUND[:1], ONE))
    for wrong in ({"top": [{"class": "cat", "probability": 1.5}]}, {"photo": None}, {"known": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(good | wrong, schema)


SEVERAL = (
    ModelInfo("last", ("cat", "dog", "owl"), decision=Decision(class_thresholds=(0.5, 0.25, 0.5))),
)
SETS = (
    Prediction(
        "both.jpg",
        (Ranked("cat", 0.75), Ranked("owl", 0.375), Ranked("dog", 0.25)),
        labels=("cat", "dog"),
        multi_label=True,
    ),
    Prediction("none.jpg", (Ranked("cat", 0.25),), multi_label=True),
)


def test_several_labels_in_every_form() -> None:
    """All of a photo's labels are there, or none, with the thresholds that made them so."""
    document = json.loads(as_json(SETS, SEVERAL))
    assert (document["models"][0]["multi_label"], document["models"][0]["thresholds"]) == (
        True,
        [0.5, 0.25, 0.5],
    )
    assert [photo["labels"] for photo in document["predictions"]] == [["cat", "dog"], []]
    assert [photo["known"] for photo in document["predictions"]] == [True, True]
    schema = json.loads((PROJECT / "docs" / "prediction.schema.json").read_bytes())
    jsonschema.validate(document, schema)
    rows = read(as_csv(SETS, SEVERAL))
    answers = [(row["photo"], row["class"], row["answer"]) for row in rows]
    assert answers == [
        ("both.jpg", "cat", "true"),
        ("both.jpg", "owl", "false"),
        ("both.jpg", "dog", "true"),
        ("none.jpg", "cat", "false"),
    ]
