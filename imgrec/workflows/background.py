"""What a run's folder and the images themselves add to a report."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from imgrec.data.images import miniature
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.evaluation.assessment import Assessment
from imgrec.report.background import Background, Remark, mistakes
from imgrec.report.thumbnail import SIDE, Thumbnail, thumbnail
from imgrec.runs.folder import Run
from imgrec.text import shown
from imgrec.training.artifacts import read_history
from imgrec.workflows.check import CHECK_FILE
from imgrec.workflows.heat_maps import heat_maps
from imgrec.workflows.run_files import CONFIG_FILE

log = logging.getLogger("imgrec")

_EXAMPLES = 3

Content = TypeVar("Content")


def background(run: Run, assessment: Assessment, records: Sequence[Record]) -> Background:
    """Return the run's training as its files tell it, and pictures of the mistakes.

    records: the images that were evaluated. What is missing is left out; a file that is damaged
    is left out with a warning.
    """
    best, shown_mistakes = run.card.best.get("epoch"), mistakes(assessment)
    # Of several models asked as one, none alone is what was wrong.
    alone = assessment.run == run.name
    return Background(
        history=_read(run.path / "history.csv", read_history) or {},
        best_epoch=None if best is None else int(best),
        remarks=_read(run.path / CHECK_FILE, _remarks),
        config=_read(run.path / CONFIG_FILE, _text) or "",
        pictures=_pictures(shown_mistakes.names, records),
        heat_maps=heat_maps(run, shown_mistakes.worst, records) if alone else {},
    )


def _read(path: Path, read: Callable[[Path], Content]) -> Content | None:
    try:
        return read(path) if path.exists() else None
    except (OSError, ValueError, LookupError, TypeError):
        log.warning("left out of the report: %s can't be read", shown(str(path)))
        return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _remarks(path: Path) -> tuple[Remark, ...]:
    return tuple(
        Remark(
            str(finding["severity"]),
            str(finding["title"]),
            int(finding["count"]),
            str(finding["unit"]),
            tuple(name for case in finding["cases"] for name in case["names"])[:_EXAMPLES],
        )
        for finding in json.loads(path.read_bytes())["findings"]
    )


def _pictures(names: Sequence[str], records: Sequence[Record]) -> Mapping[str, Thumbnail]:
    wanted = set(names)
    pictures = {}
    for record in records:
        if record.name in wanted:
            try:
                pictures[record.name] = thumbnail(miniature(record.source, SIDE, record.name))
            except BadImage as error:
                log.warning("no picture of %s: %s", shown(record.name), error.reason)
    return pictures
