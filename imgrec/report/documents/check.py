"""The JSON document of a check: `check --json`, and a run's check.json."""

from __future__ import annotations

from imgrec.data.check import Finding, Findings, Occurrence, Pictures, ValueRange
from imgrec.report.json import json_text


def check_json(findings: Findings, *, data: str, strict: bool = False) -> str:
    """Return the document, every image of every finding in it; `data` says what was checked.

    `counts` has every kind that was looked for, `findings` those that were found.
    """
    return json_text(check_document(findings, data=data, strict=strict))


def check_document(findings: Findings, *, data: str, strict: bool = False) -> dict[str, object]:
    """Return the same document before it is text; `strict`: whether warnings count too."""
    return {
        "schema_version": 1,
        "data": data,
        "passed": findings.passed(strict=strict),
        "strict": strict,
        "images": {
            "all": findings.images,
            "readable": findings.images - findings.bad,
            "bad": findings.bad,
        },
        "labelled": findings.labelled,
        "splits": {split: _split(split, findings) for split in findings.counts},
        "counts": {kind.key: findings.count(kind) for kind in findings.checked},
        "findings": [_finding(finding) for finding in findings.found],
        "pictures": None if findings.pictures is None else _pictures(findings.pictures),
    }


def _split(split: str, findings: Findings) -> dict[str, object]:
    classes = dict(findings.counts[split]) if findings.labelled else None
    return {"images": findings.sizes[split], "per_class": classes}


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind.key,
        "severity": finding.kind.severity.value,
        "title": finding.kind.title,
        "unit": finding.kind.unit,
        "count": finding.count,
        "cases": [_case(case) for case in finding.cases],
    }


def _case(case: Occurrence) -> dict[str, object]:
    return {"names": list(case.names), "detail": case.detail}


def _pictures(pictures: Pictures) -> dict[str, object]:
    return {
        "width": _range(pictures.width),
        "height": _range(pictures.height),
        "aspect": _range(pictures.aspect),
        "formats": dict(pictures.formats),
        "modes": dict(pictures.modes),
    }


def _range(found: ValueRange) -> dict[str, float]:
    return {"smallest": found.smallest, "median": found.median, "largest": found.largest}
