"""What a finished training says about itself: numbers, pictures, report."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence

from imgrec.data.records import Record
from imgrec.evaluation.assessment import Assessment
from imgrec.files import write_bytes, write_text
from imgrec.report import plots
from imgrec.report.forms import PAGE, forms
from imgrec.report.wording import moment
from imgrec.runs.card import Card
from imgrec.runs.folder import Run
from imgrec.workflows.background import background


def write_results(run: Run, found: Assessment, records: Sequence[Record]) -> None:
    """Write metrics.json, curves.png, confusion.png and report.html into the run.

    records: the images that were scored.
    """
    now, facts = dt.datetime.now(dt.UTC), tuple(run_facts(run))
    assessment = dataclasses.replace(found, facts=facts, measured=now)
    told = background(run, assessment, records)
    by_suffix = forms(told)
    write_text(run.path / "metrics.json", by_suffix[".json"](assessment))
    write_bytes(run.path / "curves.png", plots.curves(told.history, best_epoch=told.best_epoch))
    write_bytes(run.path / "confusion.png", plots.confusion(assessment.evaluation))
    write_text(run.path / "report.html", by_suffix[PAGE](assessment))


def run_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what a run's card says for people, name and value."""
    card = run.card
    yield "created", moment(dt.datetime.fromisoformat(card.created))
    if card.best:
        yield "best epoch", f"{card.best['epoch']} of {card.epochs} by {card.best['monitor']}"
    yield "input", f"{card.input.height} x {card.input.width} x {card.input.channels} pixels"
    yield "preprocessing", card.preprocessing
    if card.origin:
        yield "imported from", card.origin.file
        yield "its SHA-256", card.origin.sha256
    else:
        yield "seed", str(card.seed)
        yield "training images' fingerprint", card.fingerprint
    yield from _decisions(card)
    for split, data in card.data.items():
        yield f"{split} images", f"{data.images:,}"
    yield from card.versions.items()


def _decisions(card: Card) -> Iterator[tuple[str, str]]:
    """Yield what was fitted to images, so that probabilities become answers."""
    if found := card.calibration:
        yield "temperature", f"{found.temperature:.3g}, of {found.images:,} {found.split} images"
    if limit := card.threshold:
        familiar = "" if limit.familiarity is None else f", or familiarity {limit.familiarity:.3f}"
        chosen = f"{limit.promise}, chosen on {limit.images:,} {limit.split} images"
        yield "unknown below", f"probability {limit.value:.3f}{familiar}: {chosen}"
    if several := card.thresholds:
        chosen = f", chosen on {several.images:,} {several.split} images" if several.images else ""
        yield "thresholds of the classes", f"{several.promise}{chosen}"
