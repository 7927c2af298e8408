"""An assessment, written where a team looks at it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from imgrec.data.records import Record
from imgrec.evaluation.assessment import Assessment
from imgrec.files import check_writable, write_text
from imgrec.report.forms import PAGE, check_forms, forms
from imgrec.report.markdown import markdown
from imgrec.runs.folder import Run
from imgrec.text import shown
from imgrec.workflows.background import background

log = logging.getLogger("imgrec")


def check_reports(places: Sequence[Path]) -> None:
    """Look at what `write_reports` will be asked for, before work is put into it.

    Raises UsageError for a suffix that tells no form, RunError where a file can't be written.
    """
    check_forms(places)
    for place in places:
        check_writable(place)


def write_reports(
    places: Sequence[Path], assessment: Assessment, run: Run, records: Sequence[Record]
) -> None:
    """Write each file, whole or not at all, in the form that its suffix tells.

    records: the images that were evaluated. Raises RunError where a file can't be written.
    """
    suffixes = [place.suffix.lower() for place in places]
    # Only the page shows pictures, and their files are read once more.
    told = background(run, assessment, records) if PAGE in suffixes else None
    by_suffix = forms(told)
    for place, suffix in zip(places, suffixes, strict=True):
        write_text(place, by_suffix[suffix](assessment))
        log.info("report: %s", place)


def append_summary(place: Path, assessment: Assessment) -> None:
    """Add the Markdown form to a file that others write to as well, as GitHub's job summary.

    The evaluation stands without it: where it can't be written, a warning says so.
    """
    try:
        with place.open("a", encoding="utf-8") as file:
            file.write(markdown(assessment) + "\n")
    except OSError as error:
        log.warning("no summary in %s: %s", shown(str(place)), error.strerror)
