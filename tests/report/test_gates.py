"""Gates of every outcome, their documents compared whole."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from syrupy.assertion import SnapshotAssertion

from tests.conftest import PROJECT
from tests.report.gates import documents, gates
from tests.report.junit import validated


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """The documents by file name."""
    return dict(documents())


@pytest.mark.parametrize("outcome", ["met", "missed", "worse", "equal", "better"])
@pytest.mark.parametrize("suffix", ["xml", "md", "json"])
def test_a_document_whole(
    made: dict[str, str], outcome: str, suffix: str, snapshot: SnapshotAssertion
) -> None:
    """JUnit, Markdown and JSON are those on file, which people looked at."""
    assert made[f"{outcome}.{suffix}"] == snapshot


def test_all_outcomes_are_there() -> None:
    """Met, missed, worse, equal and better; only a missed gate and a worse model fail."""
    passed = {name: gate.passed for name, gate in gates().items()}
    assert passed == {"met": True, "missed": False, "worse": False, "equal": True, "better": True}
    for name in ("worse", "equal", "better"):
        comparison = gates()[name].comparison
        assert comparison is not None
        assert comparison.differences["accuracy"].finding == name


def test_the_documents_are_valid(made: dict[str, str]) -> None:
    """Each by its schema; in each of a gate the three agree on whether it is met."""
    schema = json.loads((PROJECT / "docs/evaluation.schema.json").read_text(encoding="utf-8"))
    for name, gate in gates().items():
        document = json.loads(made[f"{name}.json"])
        Draft202012Validator(schema).validate(document)
        failures = validated(made[f"{name}.xml"]).findall(".//failure")
        assert document["passed"] is (not failures) is gate.passed
        assert made[f"{name}.md"].startswith("## ✅" if gate.passed else "## ❌")
