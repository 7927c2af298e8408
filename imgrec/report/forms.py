"""The forms a report may have, told by a file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from imgrec.errors import UsageError
from imgrec.evaluation.assessment import Assessment
from imgrec.report.background import Background
from imgrec.report.evaluation_csv import evaluation_csv
from imgrec.report.evaluation_json import assessment_json
from imgrec.report.html import page
from imgrec.report.junit import junit
from imgrec.report.markdown import markdown
from imgrec.text import shown

Form = Callable[[Assessment], str]

PAGE = ".html"
"""The one form that shows the background."""


def forms(background: Background | None = None) -> Mapping[str, Form]:
    """Return the function for each suffix, from an assessment to the file's text."""
    return {
        ".xml": junit,
        ".md": markdown,
        ".json": assessment_json,
        ".csv": evaluation_csv,
        PAGE: partial(page, background=background or Background()),
    }


def check_forms(places: Sequence[Path]) -> None:
    """Raise UsageError where a file's suffix tells no form."""
    for place in places:
        if place.suffix.lower() not in forms():
            raise UsageError(
                f"--report {shown(str(place))}: {shown(place.suffix) or 'no suffix'} is no form",
                hint=f"a report ends in {', '.join(forms())}",
            )
