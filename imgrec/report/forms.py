"""The forms a report may have, told by a file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from imgrec.errors import UsageError
from imgrec.evaluation.results import Assessment
from imgrec.json_documents import json_text
from imgrec.report.csv import evaluation_csv
from imgrec.report.documents import evaluation_document
from imgrec.report.html import ReportContext, page
from imgrec.report.junit import junit
from imgrec.report.markdown import markdown
from imgrec.text import printable

ReportFormat = Callable[[Assessment], str]

PAGE = ".html"
"""The one form that shows the background."""


def report_formats(background: ReportContext | None = None) -> Mapping[str, ReportFormat]:
    """Return the function for each suffix, from an assessment to the file's text."""
    return {
        ".xml": junit,
        ".md": markdown,
        ".json": _json,
        ".csv": evaluation_csv,
        PAGE: partial(page, background=background or ReportContext()),
    }


def _json(assessment: Assessment) -> str:
    return json_text(evaluation_document(assessment))


def check_formats(places: Sequence[Path]) -> None:
    """Raise UsageError where a file's suffix tells no form."""
    for place in places:
        if place.suffix.lower() not in report_formats():
            raise UsageError(
                f"--report {printable(str(place))}: {printable(place.suffix) or 'no suffix'} "
                f"is no form",
                hint=f"a report ends in {', '.join(report_formats())}",
            )
