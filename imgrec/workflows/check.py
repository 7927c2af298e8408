"""Checks of a data set before anything is trained on it."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from imgrec.config.load import load
from imgrec.data.check import CheckInput, FindingKind, Findings, Occurrence, check_images
from imgrec.data.findings import finding, log_findings
from imgrec.data.images import is_damaged
from imgrec.data.quarantine import Moved, Quarantined, move_bad, refuse_place
from imgrec.data.records import Splits
from imgrec.data.sources import DataLocation, check_divisible, detect_loader, read_leniently
from imgrec.errors import DataError
from imgrec.json_documents import json_text
from imgrec.progress import Progress, Silent
from imgrec.report.documents import check_document
from imgrec.runs.folder import CHECK_FILE, CONFIG_FILE
from imgrec.runs.writer import RunWriter
from imgrec.scores import Skipped
from imgrec.text import printable, wrapped
from imgrec.workflows.data_argument import data_argument, is_config, splits_of
from imgrec.workflows.prepare import fitting_splits

log = logging.getLogger("imgrec.data")

_NAMED = 20


@dataclass(frozen=True)
class Checked:
    """What was checked, what was found in it, and where bad files went.

    quarantine: the folder of the moved files. outside: damaged files that were not moved since
    they are links, or lie outside the data.
    """

    source: str
    findings: Findings
    quarantine: Path | None = None
    moved: tuple[Moved, ...] = ()
    outside: tuple[Path, ...] = ()


def check(
    source: str, *, quarantine: Path | None = None, progress: Progress | None = None
) -> Checked:
    """Look at every image of a folder, a data file, or the data of a config.

    source: a folder of class folders, of split folders of them, or of images without labels;
    a file that `data.root` may name; a YAML file or shipped config, whose split is applied.
    quarantine: a new or empty folder that damaged files are moved to. A sound one that can't be
    read, because it is too large or in another format, stays; so do links and files outside the
    data, which a warning names.

    Raises ConfigError for a config that can't be used, DataError if there are no images,
    UsageError if `quarantine` is inside the data or not empty.
    """
    stock, places = _images(source)
    if quarantine is not None:
        refuse_place(quarantine, places)
    findings = check_images(stock, progress or Silent())
    if quarantine is None:
        return Checked(source, findings)
    done = move_bad(stock.records, _damaged(findings), quarantine, places)
    _name_outside(done)
    return Checked(source, findings, quarantine, done.moved, done.outside)


def record_check(writer: RunWriter, findings: Findings) -> None:
    """Write a run's check.json; log what was found of the images, and what was not checked.

    What is not used of their source, and what can't be read, was logged when it was read.
    Raises RunError if the folder can't be written.
    """
    config = str(writer.folder / CONFIG_FILE)
    writer.write_text(CHECK_FILE, json_text(check_document(findings, data=config)))
    new = [each for each in findings.found if not (each.kind.of_source or each.kind.is_bad)]
    log_findings(new)
    if new:
        log.info("`imgrec check %s` names all of them", printable(shlex.quote(config)))
    else:
        looked_for = wrapped(findings.looked_for)
        log.info("no problems found in the images; looked for:\n%s", looked_for)
    for line in findings.gaps:
        log.info("%s", wrapped(line, first=""))


def remind_of_copies(findings: Findings) -> None:
    """Log again, next to the results, that duplicates spoil them."""
    kinds = {FindingKind.DUPLICATES_ACROSS_SPLITS, FindingKind.DUPLICATES_ACROSS_LABELS}
    if copies := [each for each in findings.found if each.kind in kinds]:
        found = "; ".join(f"{each.kind.title}: {each.count:,}" for each in copies)
        log.warning("%s,\nso the metrics may be too good or too bad", found)


def _images(text: str) -> tuple[CheckInput, tuple[Path, ...]]:
    """Return the images, and the folders and files they come from."""
    if is_config(text):
        experiment = load(text)
        data = experiment.data
        return CheckInput.of(fitting_splits(experiment), data.max_megapixels), _places(data)
    source, places = data_argument(text).data, (Path(text),)
    if detect_loader(text).name == "folder":
        stock = read_leniently(Path(text))
        return _with_untrainable(stock, lambda: splits_of(source, seed=0), text), places
    splits = splits_of(source, seed=0)
    return _with_untrainable(CheckInput.of(splits), lambda: splits, text), places


def _with_untrainable(stock: CheckInput, read: Callable[[], Splits], source: str) -> CheckInput:
    """Return the images with what would end a training, found by the code that reads for it."""
    try:
        check_divisible(read())
    except DataError as error:
        found = finding(FindingKind.UNTRAINABLE, [Occurrence((source,), error.message)])
        return replace(stock, findings=(*stock.findings, *found))
    return stock


def _places(data: DataLocation) -> tuple[Path, ...]:
    named = (data.root, data.train, data.validation, data.test)
    return tuple(Path(place) for place in named if place is not None)


def _name_outside(done: Quarantined) -> None:
    for path in done.outside[:_NAMED]:
        log.warning("not moved, as it is a link or outside the data: %s", printable(str(path)))
    if len(done.outside) > _NAMED:
        log.warning("and %s more", f"{len(done.outside) - _NAMED:,}")


def _damaged(findings: Findings) -> tuple[Skipped, ...]:
    return tuple(
        Skipped(case.names[0], case.detail)
        for finding in findings.found
        for case in finding.cases
        if finding.kind.is_bad and is_damaged(case.detail)
    )
