"""The facts on a run's card that people read: in reports and on the terminal."""

from __future__ import annotations

import datetime as dt
import logging
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from imgrec.evaluation.calibration import FEWEST_IMAGES
from imgrec.files import reason_of
from imgrec.report.wording import moment
from imgrec.rounding import decimals, duration, percent, size_in_words
from imgrec.runs.card import Card, Threshold
from imgrec.runs.folder import Run
from imgrec.runs.history import training_seconds
from imgrec.runs.notes import NO_NOTES, NOTES_FILE, Notes, read_notes
from imgrec.runs.provenance import PROVENANCE_FILE, Provenance, read_provenance
from imgrec.runs.tracking import TRACKING_FILE, TrackedRuns, read_tracking
from imgrec.text import count_of, printable
from imgrec.versions import changed_libraries

log = logging.getLogger("imgrec")

Content = TypeVar("Content")


def run_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the facts on a run's card that people read, as name and value."""
    card = run.card
    yield "created", moment(dt.datetime.fromisoformat(card.created))
    yield from note_facts(run)
    if card.best:
        on = f", on {card.validated_on}" if card.validated_on else ""
        yield "best epoch", f"{card.best['epoch']} of {card.epochs} by {card.best['monitor']}{on}"
    if card.head:
        yield "head", str(card.head)
    yield "input", f"{card.input.height} x {card.input.width} x {card.input.channels} pixels"
    yield "preprocessing", card.preprocessing
    if card.origin:
        yield "imported from", card.origin.file
        yield "its SHA-256", card.origin.sha256
    else:
        if card.backbone:
            yield "backbone run", card.backbone.in_words
        yield "seed", str(card.seed)
        yield from card.computing.items()
        if (seconds := training_seconds(run.path)) is not None:
            yield "training time", duration(seconds)
        yield "training images' fingerprint", card.fingerprint
        yield from _origin_facts(run)
    if card.calibrated_from:
        yield "calibrated from", card.calibrated_from.in_words
    yield from calibration_facts(card)
    for split, data in card.data.items():
        yield f"{split} images", f"{data.images:,}"
    yield from card.versions.items()
    if differing := changed_libraries(card.versions):
        yield "other versions now", ", ".join(differing)


def note_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the tags and the note of a run, if it has any."""
    notes = run_notes(run.path)
    if notes.tags:
        yield "tags", ", ".join(notes.tags)
    if notes.note:
        yield "note", notes.note


def provenance_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what is known of the processes that trained a run: by what, where, and at what cost."""
    yield from _origin_facts(run)
    found = run_provenance(run.path)
    if found is None or not found.sessions:
        return
    last = found.sessions[-1]
    host, load = last.host, "" if last.host.load is None else f", load {last.host.load:.1f}"
    machine = f"{host.processor}, {count_of(host.cores, 'core')}, {size_in_words(host.memory)}"
    yield "host", f"{host.name}: {machine}{load}"
    if host.gpus:
        yield "GPU", ", ".join(host.gpus)
    several = f" in {count_of(len(found.sessions), 'process')}" if len(found.sessions) > 1 else ""
    yield "total time", f"{duration(found.seconds)}{several}"
    yield "processor time", duration(found.cpu_seconds)
    yield "peak memory", size_in_words(found.peak_memory)


def tracking_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield where other programs have the run."""
    for each in run_tracking(run.path).mlflow:
        yield "MLflow", f"run {each.run} of experiment {each.experiment} at {each.uri}"


def run_tracking(folder: Path) -> TrackedRuns:
    """Return what trackers call a run; nothing, with a warning, if that can't be read."""
    return _read(folder / TRACKING_FILE, read_tracking) or TrackedRuns()


def run_notes(folder: Path) -> Notes:
    """Return the notes of a run's folder; empty ones, with a warning, if they can't be read."""
    return _read(folder / NOTES_FILE, read_notes) or NO_NOTES


def run_provenance(folder: Path) -> Provenance | None:
    """Return what made a run; None if it is not known, with a warning if it can't be read."""
    return _read(folder / PROVENANCE_FILE, read_provenance)


def _read(path: Path, read: Callable[[Path], Content | None]) -> Content | None:
    try:
        return read(path.parent)
    except (OSError, ValueError) as error:
        log.warning("left out: %s can't be read: %s", printable(str(path)), reason_of(error))
        return None


def _origin_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the command of the last process that trained a run, and the commit of its config."""
    found = run_provenance(run.path)
    if found is None or not found.sessions:
        return
    last = found.sessions[-1]
    yield "command", shlex.join(last.command)
    if (repository := last.repository) is None:
        return
    branch = f" on {repository.branch}" if repository.branch else ""
    changed = len(repository.changed)
    patch = f" ({repository.patch})" if repository.patch else ""
    changes = f", {count_of(changed, 'file')} changed{patch}" if changed else ""
    yield "Git commit", f"{repository.commit or 'none yet'}{branch}{changes}"


def calibration_facts(card: Card) -> Iterator[tuple[str, str]]:
    """Yield the temperature and the thresholds, and which images they were fitted to."""
    if found := card.calibration:
        images = count_of(found.images, f"{found.split} image")
        few = found.temperature == 1 and found.images < FEWEST_IMAGES
        value = "not fitted: only" if few else f"{found.temperature:.3g}, fitted to"
        yield "temperature", f"{value} {images}"
    if limit := card.threshold:
        familiar = (
            ""
            if limit.ood_similarity is None
            else f", or ood_similarity {decimals(limit.ood_similarity, 3)}"
        )
        yield (
            "unknown below",
            f"probability {decimals(limit.value, 3)}{familiar}: {describe_threshold(limit)}",
        )
    if card.no_threshold:
        yield "never unknown" if card.threshold is None else "target", card.no_threshold
    if several := card.thresholds:
        images = count_of(several.images, f"{several.split} image")
        chosen = f", chosen on {images}" if several.images else ""
        yield "thresholds of the classes", f"{several.target}{chosen}"


def describe_threshold(limit: Threshold) -> str:
    """Return what a threshold was chosen for, on which images, and what it does there."""
    sure = "" if limit.confidence is None else f" with {100 * limit.confidence:g} % confidence"
    both = ", which also chose the best epoch" if limit.split == "validation" else ""
    done = f"{percent(limit.coverage)} answered, {percent(limit.precision)} of those right"
    images = count_of(limit.images, f"{limit.split} image")
    return f"chosen for {limit.target}{sure} on {images}{both} ({done})"
