"""Checks of a data set before anything is trained on it."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imgrec.config.data import Data
from imgrec.data.check import (
    CheckInput,
    FindingKind,
    Findings,
    check_images,
    check_records,
)
from imgrec.data.findings import Finding, Occurrence, finding
from imgrec.data.images import Traits, is_damaged
from imgrec.data.quarantine import Moved, Quarantined, move_bad, refuse_place
from imgrec.data.records import Splits
from imgrec.data.sources import (
    DEFAULT_VALIDATION,
    DataLocation,
    SplitConfig,
    detect_loader,
    read,
    read_leniently,
)
from imgrec.errors import DataError
from imgrec.json_documents import json_text
from imgrec.progress import Progress, Silent
from imgrec.report.documents import check_document
from imgrec.runs.writer import RunWriter
from imgrec.scores import Skipped
from imgrec.text import printable
from imgrec.workflows.data_argument import data_argument, is_config, max_megapixels, splits_of
from imgrec.workflows.prepare import read_images

log = logging.getLogger("imgrec")

CHECK_FILE = "check.json"

_NAMED = 20

_UNUSED = (
    FindingKind.ANIMATED,
    FindingKind.SIXTEEN_BIT,
    FindingKind.FEW_BITS,
    FindingKind.UNUSED_CHANNELS,
)


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


def record_check(
    writer: RunWriter,
    splits: Splits,
    identities: Mapping[str, str],
    bad: Sequence[Skipped],
    traits: Mapping[str, Traits] | None = None,
) -> Findings:
    """Write a run's check.json; log a warning of copies and of what is not used of the images.

    It has what can be found from hashes, labels, names and traits: no image is read again.
    `splits` has the bad images too. Raises RunError if the folder can't be written.
    """
    findings = check_records(CheckInput.of(splits), identities, bad, traits)
    config = writer.folder / "config.yaml"
    writer.write_text(CHECK_FILE, json_text(check_document(findings, data=str(config))))
    if copies := _copies(findings):
        log.warning("%s;\n`imgrec check %s` lists them", copies, shlex.quote(str(config)))
    for each in findings.found:
        if each.kind in _UNUSED:
            log.warning("%s", each.line)
    return findings


def remind_of_copies(splits: Splits, identities: Mapping[str, str]) -> None:
    """Log again, next to the results, that duplicates spoil them."""
    if copies := _copies(check_records(CheckInput.of(splits), identities, ())):
        log.warning("%s,\nso the metrics may be too good or too bad", copies)


def _copies(findings: Findings) -> str:
    places = {
        "in several splits": findings.count(FindingKind.COPIES_ACROSS_SPLITS),
        "under several labels": findings.count(FindingKind.COPIES_ACROSS_LABELS),
    }
    found = ", ".join(f"{count} {place}" for place, count in places.items() if count)
    return found.replace(" ", " images are the same file ", 1)


def _images(text: str) -> tuple[CheckInput, tuple[Path, ...]]:
    """Return the images, and the folders and files they come from."""
    if not is_config(text) and detect_loader(text).name == "folder":
        stock = read_leniently(Path(text))
        return replace(stock, findings=(*stock.findings, *_untrainable(stock, text))), (Path(text),)
    source = data_argument(text)
    data, seed = source.data, source.seed
    splits = read_images(data, seed) if isinstance(data, Data) else splits_of(data, seed)
    return CheckInput.of(splits, max_megapixels(source.data)), _places(source.data)


def _untrainable(stock: CheckInput, root: str) -> tuple[Finding, ...]:
    """Return what would end a training on a folder of classes, found by the code that reads it."""
    if not stock.classes:
        return ()
    share = 0.0 if "validation" in stock.splits else DEFAULT_VALIDATION
    try:
        read(DataLocation(root=root, split=SplitConfig(validation=share)), seed=0)
    except DataError as error:
        case = Occurrence((root,), error.message)
        return finding(FindingKind.UNTRAINABLE, [case])
    return ()


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
