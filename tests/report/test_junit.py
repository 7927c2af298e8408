"""The gate as JUnit's XML: compared whole, valid, and closed to strangers' text."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from imgrec.evaluation.results import (
    Assessment,
    Evaluation,
    MetricValue,
    RequirementResult,
    SliceResult,
)
from imgrec.report.junit import junit
from imgrec.scores import Skipped
from imgrec.text import printable
from tests.report.junit import validated

Make = Callable[..., Assessment]

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, 678, dt.UTC)
METRICS = {"accuracy": MetricValue(0.75, 0.5, 0.875), "ece": MetricValue(0.125)}
VERDICTS = (
    RequirementResult(
        "accuracy >= 0.7", 0.75, met=True, reason="accuracy is 75.0 %, at least 70 %"
    ),
    RequirementResult(
        "recall[<b>] >= 0.9", 0.5, met=False, reason="recall[<b>] is 50.0 %, less than 90 %"
    ),
)


def test_a_missed_gate_whole(
    assessment: Make, evaluation: Callable[..., Evaluation], snapshot: SnapshotAssertion
) -> None:
    """Each requirement is a case, the missed one with its reason; the numbers are properties."""
    slices = (SliceResult("camera=<front>", 40, METRICS),)
    measured = dataclasses.replace(evaluation(["a", "<b>"]), metrics=METRICS, slices=slices)
    found = assessment(["a", "<b>"], verdicts=VERDICTS, measured=NOW, evaluation=measured)
    validated(junit(found))
    assert junit(found) == snapshot


def test_a_gate_that_is_met_has_no_failures(assessment: Make) -> None:
    """All cases without a failure, and the counts say so."""
    root = validated(junit(assessment(2, verdicts=VERDICTS[:1], measured=NOW)))
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")
    assert [case.get("name") for case in root.iter("testcase")] == ["accuracy >= 0.7"]
    assert root.find(".//failure") is None


def test_without_requirements_a_case_reports_the_accuracy(assessment: Make) -> None:
    """A suite without cases would look like a job that did nothing."""
    root = validated(junit(assessment(2)))
    assert [case.get("name") for case in root.iter("testcase")] == [
        "accuracy 75.0 %, 95 % interval 34.9 to 96.8 %; nothing was required"
    ]


def test_images_that_were_trained_on_are_reported(assessment: Make) -> None:
    """How many of them, where there are some."""
    root = validated(junit(assessment(2, leakage=3)))
    properties = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert properties["images trained on"] == "3"
    assert "images trained on" not in junit(assessment(2))


@given(st.text(st.characters(exclude_categories=()), min_size=1))
@settings(max_examples=40)
def test_any_name_stays_valid_xml(assessment: Make, name: str) -> None:
    """Whatever the names: it parses, it is valid, and the name is there as it is shown."""
    verdict = RequirementResult(f"recall[{name}] >= 1", None, met=False, reason=name)
    found = assessment([name, "other"], [Skipped(name, name)], run=f"r{name}", verdicts=(verdict,))
    text = junit(found)
    root = validated(text)
    assert len(root.findall(".//failure")) == 1
    if name.isprintable():
        assert printable(name) in (root.findall(".//failure")[0].text or "")
