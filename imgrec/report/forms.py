"""The formats of reports, by file suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from imgrec.evaluation.results import Assessment
from imgrec.files import check_suffix
from imgrec.json_documents import json_text
from imgrec.report.csv import evaluation_csv
from imgrec.report.documents import evaluation_document
from imgrec.report.html import ReportContext, page
from imgrec.report.junit import junit
from imgrec.report.markdown import markdown

ReportFormat = Callable[[Assessment], str]

PAGE = ".html"
"""The only format that shows the context of an evaluation."""


def report_formats(background: ReportContext | None = None) -> Mapping[str, ReportFormat]:
    """Return suffix -> function from an assessment to the text of the file."""
    return {
        PAGE: partial(page, background=background or ReportContext()),
        ".xml": junit,
        ".md": markdown,
        ".json": _json,
        ".csv": evaluation_csv,
    }


def _json(assessment: Assessment) -> str:
    return json_text(evaluation_document(assessment))


def check_formats(places: Sequence[Path]) -> None:
    """Raise UsageError if a file's suffix is not that of a format."""
    for place in places:
        check_suffix(place, tuple(report_formats()))
