"""Verdicts as JUnit XML, which CI servers display: a test case for each requirement.

There are several schemas; the document is valid in Ant's, the strictest, and in Jenkins'.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from imgrec.evaluation.results import Assessment, RequirementResult
from imgrec.metrics import format_value
from imgrec.report.wording import format_bounds
from imgrec.text import printable

# Not allowed in XML 1.0; `printable` escapes all other such characters.
_NO_CHARACTERS = str.maketrans({"\ufffe": "\\ufffe", "\uffff": "\\uffff"})
_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def junit(assessment: Assessment) -> str:
    """Return the document: one suite, with the metrics as properties and a case per requirement.

    Without requirements, there is one case that reports the accuracy.
    """
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", _suite(assessment))
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(assessment):
        ET.SubElement(properties, "property", name=name, value=_legal(value))
    for verdict in assessment.verdicts or (_accuracy(assessment),):
        _add_case(suite, verdict, _place(assessment))
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


def _suite(assessment: Assessment) -> dict[str, str]:
    failures = sum(not verdict.met for verdict in assessment.verdicts)
    return {
        "name": _place(assessment),
        "package": "imgrec",
        "id": "0",
        "timestamp": f"{assessment.measured or _LONG_AGO:%Y-%m-%dT%H:%M:%S}",
        "hostname": "localhost",
        "tests": str(len(assessment.verdicts) or 1),
        "failures": str(failures),
        "errors": "0",
        "time": "0",
    }


def _properties(assessment: Assessment) -> Iterator[tuple[str, str]]:
    evaluation = assessment.evaluation
    yield "run", assessment.run
    yield "split", assessment.split
    yield "data", assessment.source
    yield "images", str(evaluation.images)
    yield "images not used", str(len(evaluation.skipped))
    if assessment.leakage:
        yield "images trained on", str(assessment.leakage)
    for name, metric in evaluation.metrics.items():
        yield name, str(metric.value)
        if metric.low is not None and metric.high is not None:
            yield f"{name}.low", str(metric.low)
            yield f"{name}.high", str(metric.high)
    if evaluation.worst_slice:
        yield "worst_slice", evaluation.worst_slice.name


def _accuracy(assessment: Assessment) -> RequirementResult:
    accuracy = assessment.evaluation.metrics["accuracy"]
    value, interval = format_value("accuracy", accuracy.value), format_bounds("accuracy", accuracy)
    text = f"accuracy {value}, 95 % interval {interval}; nothing was required"
    return RequirementResult(text, accuracy.value, met=True, reason="")


def _add_case(suite: ET.Element, verdict: RequirementResult, place: str) -> None:
    name = _legal(verdict.requirement)
    case = ET.SubElement(suite, "testcase", name=name, classname=place, time="0")
    if not verdict.met:
        reason = _legal(verdict.reason)
        ET.SubElement(case, "failure", message=reason, type="requirement").text = reason


def _place(assessment: Assessment) -> str:
    return _legal(f"{assessment.run} on {assessment.split}")


def _legal(text: str) -> str:
    """Return `text` with characters that are not allowed in XML 1.0 escaped."""
    return printable(text).translate(_NO_CHARACTERS)
