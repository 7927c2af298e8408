"""Reports of an evaluation: metrics, pictures, pages."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from imgrec.data.findings import gap_lines, looked_for
from imgrec.data.records import Record
from imgrec.errors import BadImage, ImgrecError
from imgrec.evaluation.error_analysis import Mistake
from imgrec.evaluation.results import Assessment
from imgrec.explanation.gradcam import gradcam
from imgrec.explanation.occlusion import occlusion
from imgrec.files import (
    MAX_DOCUMENT_BYTES,
    MAX_TABLE_BYTES,
    check_writable,
    read_regular,
    reason_of,
    write_text,
)
from imgrec.json_documents import parse_json
from imgrec.parallel import map_in_order, usable_cores
from imgrec.report import charts
from imgrec.report.forms import PAGE, check_formats, report_formats
from imgrec.report.html import DataCheck, Remark, ReportContext, mistakes
from imgrec.report.markdown import markdown
from imgrec.report.pictures import Thumbnail
from imgrec.runs.card import BEST_MODEL
from imgrec.runs.folder import (
    CHECK_FILE,
    CONFIG_FILE,
    CONFUSION_FILE,
    CURVES_FILE,
    METRICS_FILE,
    REPORT_FILE,
    Run,
)
from imgrec.runs.history import HISTORY_FILE, read_history
from imgrec.runs.writer import RunWriter
from imgrec.runtime.engine import Engine, open_engine
from imgrec.runtime.keras_engine import open_keras
from imgrec.runtime.litert_engine import FILES
from imgrec.runtime.merged_classes import ClassLists, merge_classes, with_merged_classes
from imgrec.text import printable
from imgrec.workflows.run_facts import run_facts
from imgrec.workflows.thumbnails import Where, heated_thumbnail, plain_thumbnail

log = logging.getLogger("imgrec")

# A patch on 5 x 5 places asks a model 26 times: nothing to a small one, a minute to a large one.
_PATCHES = 5
_SMALL = 20_000_000
_SECONDS = 20

# Of that many images, a report shows every one: their thumbnails take about 2 MB.
_SHEET = 300


def heat_maps(
    run: Run,
    mistakes: Sequence[Mistake],
    records: Sequence[Record],
    merged: ClassLists | None = None,
) -> Mapping[Mistake, Thumbnail]:
    """Return a heat map of each mistake for the class that was predicted.

    For a class that was missed, it is for that class. A LiteRT file of up to 20 MB is explained by
    occlusion, a larger model by Grad-CAM if TensorFlow is loaded already, as after a training. Both
    see exactly what the model was shown, since the mistake depends on that. After 20 seconds the
    remaining mistakes get no heat map; if the model can't be used, none does, with a warning.

    Args:
        run: The model.
        mistakes: The mistakes.
        records: The images that were evaluated, of which `Mistake.row` is the index.
        merged: The model's classes that count as one, by its name.
    """
    if not mistakes:
        return {}
    found: dict[Mistake, Thumbnail] = {}
    end = time.monotonic() + _SECONDS
    try:
        engine, where = _opened(run, merged or {})
        for mistake in mistakes:
            if time.monotonic() < end:
                column = engine.classes.index(_class(mistake, engine.classes))
                source = records[mistake.row].source
                with contextlib.suppress(BadImage):  # reported with its picture
                    found[mistake] = heated_thumbnail(source, engine.spec, where, column)
    except ImgrecError as error:
        log.warning("no heat maps in the report: %s", error.message)
    return found


def _opened(run: Run, merged: ClassLists) -> tuple[Engine, Where]:
    file = run.path / FILES["float32"]
    small = file.is_file() and file.stat().st_size <= _SMALL
    if not small and "tensorflow" in sys.modules and (run.path / BEST_MODEL).is_file():
        keras = open_keras(run)
        own = merge_classes(merged, keras.classes, run.name).columns
        return with_merged_classes(keras, merged, run.name), lambda pixels, column: gradcam(
            keras.model, pixels, *own[column]
        )
    engine = with_merged_classes(open_engine(run), merged, run.name)
    return engine, lambda pixels, column: occlusion(engine, pixels, column, _PATCHES)


def _class(mistake: Mistake, classes: Sequence[str]) -> str:
    """Return the class that was predicted wrongly, or missed if an image may have several."""
    return mistake.prediction if mistake.prediction in classes else mistake.truth


_EXAMPLES = 3

SourceContent = TypeVar("SourceContent")


def report_context(run: Run, assessment: Assessment, records: Sequence[Record]) -> ReportContext:
    """Return what a run's files say about its training, and pictures of the mistakes.

    Missing files are left out, damaged ones with a warning.

    Args:
        run: The run.
        assessment: Its evaluation.
        records: The images that were evaluated.
    """
    best, shown_mistakes = run.card.best.get("epoch"), mistakes(assessment)
    # The mistakes of a mean are not those of one of its models.
    alone = assessment.run == run.name
    sheet = len(assessment.scores.rows) <= _SHEET
    shown = assessment.scores.rows if sheet else shown_mistakes.rows
    return ReportContext(
        history=_read(run.path / HISTORY_FILE, read_history) or {},
        best_epoch=None if best is None else int(best),
        data_check=_read(run.path / CHECK_FILE, _data_check),
        config=_read(run.path / CONFIG_FILE, _text) or "",
        pictures=_pictures([records[row] for row in shown], run.card.input.max_megapixels),
        heat_maps=heat_maps(run, shown_mistakes.worst, records, assessment.merged) if alone else {},
        network=run.card.network if alone else None,
        sheet=sheet,
    )


def _read(path: Path, read: Callable[[Path], SourceContent]) -> SourceContent | None:
    try:
        return read(path) if path.exists() else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        log.warning("left out of the report: %s can't be read", printable(str(path)))
        return None


def _text(path: Path) -> str:
    return read_regular(path, MAX_DOCUMENT_BYTES).decode("utf-8", "surrogateescape")


def _data_check(path: Path) -> DataCheck:
    document = parse_json(read_regular(path, MAX_TABLE_BYTES))
    remarks = tuple(
        Remark(
            str(finding["severity"]),
            str(finding["title"]),
            int(finding["count"]),
            str(finding["unit"]),
            tuple(str(name) for case in finding["cases"] for name in case["names"])[:_EXAMPLES],
        )
        for finding in document["findings"]
    )
    gaps = gap_lines(document.get("not_checked", {}))
    return DataCheck(remarks, looked_for(document["counts"]), gaps)


def _pictures(records: Sequence[Record], most: int) -> Mapping[str, Thumbnail]:
    def picture(record: Record) -> Thumbnail | BadImage:
        try:
            return plain_thumbnail(record.source, record.name, most)
        except BadImage as error:
            return error

    pictures, workers = {}, usable_cores()
    found = map_in_order(picture, records, workers, 4 * workers)
    for record, small in zip(records, found, strict=True):
        if isinstance(small, BadImage):
            log.warning("no picture of %s: %s", printable(record.name), small.reason)
        else:
            pictures[record.name] = small
    return pictures


def check_reports(places: Sequence[Path]) -> None:
    """Check the files of `write_reports` before the evaluation starts.

    Raises:
        UsageError: A suffix has no report format.
        RunError: A file can't be written.
    """
    check_formats(places)
    for place in places:
        check_writable(place)


def write_reports(
    places: Sequence[Path], assessment: Assessment, run: Run, records: Sequence[Record]
) -> None:
    """Write the reports, each completely or not at all.

    Args:
        places: The files; the suffix determines the format.
        assessment: The evaluation.
        run: The run that was evaluated.
        records: The images that were evaluated.

    Raises:
        RunError: A file can't be written.
    """
    suffixes = [place.suffix.lower() for place in places]
    # Only the page shows pictures, whose files have to be read again.
    context = report_context(run, assessment, records) if PAGE in suffixes else None
    by_suffix = report_formats(context)
    for place, suffix in zip(places, suffixes, strict=True):
        write_text(place, by_suffix[suffix](assessment))
        log.info("report: %s", place)


def append_summary(place: Path, assessment: Assessment) -> None:
    """Append the Markdown report to a file that others write to as well: GitHub's job summary.

    If it can't be written, there is a warning; the evaluation is still valid.
    """
    try:
        with place.open("a", encoding="utf-8") as file:
            file.write(markdown(assessment) + "\n")
    except OSError as error:
        log.warning("no summary in %s: %s", printable(str(place)), reason_of(error))


def write_results(writer: RunWriter, found: Assessment, records: Sequence[Record]) -> None:
    """Write metrics.json, curves.png, confusion.png and report.html into the run.

    Args:
        writer: The run's writer.
        found: The evaluation of the run.
        records: The images that were evaluated.
    """
    run, now = writer.run, dt.datetime.now(dt.UTC)
    assessment = dataclasses.replace(found, facts=tuple(run_facts(run)), measured=now)
    confusion = charts.ThemedChart(charts.confusion, assessment.evaluation)
    context = dataclasses.replace(report_context(run, assessment, records), confusion=confusion)
    by_suffix = report_formats(context)
    # The metrics of a training must not depend on the trainings before it.
    reproducible = dataclasses.replace(assessment, test_looks=None)
    writer.write_text(METRICS_FILE, by_suffix[".json"](reproducible))
    if context.history:
        curves = charts.curves(context.history, best_epoch=context.best_epoch)
        writer.write_bytes(CURVES_FILE, curves)
    writer.write_bytes(CONFUSION_FILE, confusion.light)
    writer.write_text(REPORT_FILE, by_suffix[PAGE](assessment))
