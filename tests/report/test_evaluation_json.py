"""The JSON document of an evaluation holds what its contract says."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from imgrec.corruption import Corruption
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment, Evaluation, MetricValue
from imgrec.evaluation.slices import ImageSlice
from imgrec.json_documents import json_text
from imgrec.metrics import METRICS
from imgrec.report.documents import evaluation_document
from imgrec.scores import Scores, Skipped
from tests.conftest import PROJECT
from tests.evaluation.made import population


def document_text(evaluation: Evaluation, run: str, data: str) -> str:
    """Return the JSON of an evaluation that nothing was required of."""
    nothing = Scores((), None, np.zeros((0, 0), np.float32), ())
    return json_text(evaluation_document(Assessment(run, "test", data, nothing, evaluation)))


def test_the_document_has_its_keys_in_order(evaluation: Callable[..., Evaluation]) -> None:
    """Programs find every number where it was promised."""
    found = evaluation(3, [Skipped("bad.png", "is not an image")])
    document = json.loads(document_text(found, "digits-1", "digits"))
    assert list(document) == [
        "schema_version", "run", "split", "data", "images", "multi_label", "top_k", "metrics",
        "per_class", "confusion", "reliability", "coverage_curve", "slices", "worst_slice", "notes",
        "leakage", "test_looks", "requirements", "passed", "comparison",
    ]  # fmt: skip
    assert (document["schema_version"], document["run"], document["split"]) == (
        2,
        "digits-1",
        "test",
    )
    skipped = [{"name": "bad.png", "reason": "is not an image"}]
    assert document["images"] == {"used": 12, "skipped": skipped}
    accuracy = found.metrics["accuracy"]
    expected = {"value": accuracy.value, "low": accuracy.low, "high": accuracy.high}
    assert document["metrics"]["accuracy"] == expected
    assert document["confusion"]["rows"] == found.confusion.tolist()


def test_classes_are_listed_one_by_one(evaluation: Callable[..., Evaluation]) -> None:
    """Each class has its name, measures and support; two of the same name stay two."""
    found = evaluation(["cat", "cat"])
    document = json.loads(document_text(found, "r", "d"))
    assert [result["name"] for result in document["per_class"]] == ["cat", "cat"]
    first = document["per_class"][0]
    assert list(first) == [
        "name",
        "precision",
        "recall",
        "f1",
        "roc_auc",
        "average_precision",
        "support",
    ]
    assert first["recall"]["value"] == found.per_class[0].metrics["recall"].value


def test_what_is_not_a_number_is_null(evaluation: Callable[..., Evaluation]) -> None:
    """NaN and infinity, which JSON doesn't have, are null."""
    broken = dataclasses.replace(
        evaluation(2), metrics={"log_loss": MetricValue(float("nan"), float("-inf"), None)}
    )
    document = json.loads(document_text(broken, "r", "d"))
    assert document["metrics"]["log_loss"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize("scores", [population(60, 3), population(1, 2), population(2, 12)])
def test_the_document_is_as_its_schema_says(scores: Scores) -> None:
    """Documents of usual and degenerate evaluations hold to docs/evaluation.schema.json."""
    schema = json.loads((PROJECT / "docs/evaluation.schema.json").read_text(encoding="utf-8"))
    blurred = ImageSlice("blur=0.01", scores, Corruption("blur", 0.01))
    found = evaluate_scores(scores, slices=[ImageSlice("camera=front", scores), blurred])
    document = json.loads(document_text(found, "r", "d"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)
    known = schema["$defs"]["EvaluationDocument"]["properties"]
    assert list(document) == list(known)[:-2]
    assert set(document["metrics"]) <= set(METRICS)


def test_any_name_comes_through_exactly(
    evaluation: Callable[..., Evaluation], hostile: tuple[str, ...]
) -> None:
    """JSON keeps names as they are, in text that any stream can take."""
    found = evaluation(hostile, [Skipped(name, name) for name in hostile])
    text = document_text(found, hostile[0], hostile[8])
    assert text.isascii()
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
    document = json.loads(text)
    assert document["confusion"]["classes"] == list(hostile)
    assert [image["name"] for image in document["images"]["skipped"]] == list(hostile)
