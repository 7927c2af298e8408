"""The facts on a run's card that people read: in reports and on the terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from imgrec.evaluation.calibration import FEWEST_IMAGES
from imgrec.report.wording import moment
from imgrec.rounding import decimals, duration, percent
from imgrec.runs.card import Card, Threshold
from imgrec.runs.folder import Run
from imgrec.runs.history import training_seconds
from imgrec.text import count_of
from imgrec.versions import changed_libraries


def run_facts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield the facts on a run's card that people read, as name and value."""
    card = run.card
    yield "created", moment(dt.datetime.fromisoformat(card.created))
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
        yield "seed", str(card.seed)
        yield from card.computing.items()
        if (seconds := training_seconds(run.path)) is not None:
            yield "training time", duration(seconds)
        yield "training images' fingerprint", card.fingerprint
    if card.calibrated_from:
        yield "calibrated from", card.calibrated_from.in_words
    yield from calibration_facts(card)
    for split, data in card.data.items():
        yield f"{split} images", f"{data.images:,}"
    yield from card.versions.items()
    if differing := changed_libraries(card.versions):
        yield "other versions now", ", ".join(differing)


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
        yield "never unknown", card.no_threshold
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
    return f"{limit.target}{sure}, chosen on {images}{both} ({done})"
