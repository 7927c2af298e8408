"""The formats of reports, by file suffix."""

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
"""The only format that shows the context of an evaluation."""


def report_formats(background: ReportContext | None = None) -> Mapping[str, ReportFormat]:
    """Return suffix -> function from an assessment to the text of the file."""
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
    """Raise UsageError if a file's suffix is not that of a format."""
    for place in places:
        if place.suffix.lower() not in report_formats():
            raise UsageError(
                f"--report {printable(str(place))}: {printable(place.suffix) or 'no suffix'} "
                f"is not a report format",
                hint=f"write {printable(place.stem) or 'report'}{PAGE}, or another of "
                f"{', '.join(report_formats())}",
            )
