"""What is said of a temperature and of a threshold, by trainings and by `imgrec calibrate`."""

from __future__ import annotations

import logging

from imgrec.evaluation.calibration import FEWEST_IMAGES, is_extreme
from imgrec.evaluation.selective_prediction import CONFIDENCE, Target, best_guarantee
from imgrec.rounding import decimals
from imgrec.runs.card import Calibration, Threshold
from imgrec.scores import Scores
from imgrec.text import count_of
from imgrec.workflows.run_facts import describe_threshold

log = logging.getLogger("imgrec")

CONFIDENCE_TEXT = f"{100 * CONFIDENCE:g} %"


def log_calibration(found: Calibration) -> None:
    """Log a temperature and the log losses, or why none was fitted."""
    if found.images < FEWEST_IMAGES:
        images = count_of(found.images, f"{found.split} image")
        log.warning(
            "the probabilities are not calibrated: %s, at least %d needed", images, FEWEST_IMAGES
        )
        return
    log.info("probabilities calibrated (temperature %.3f): %s", found.temperature, _losses(found))
    if is_extreme(found.temperature):
        log.warning(
            "the temperature that calibrates the probabilities is far from 1: on the %s images, "
            "they say little about which answers are right",
            found.split,
        )


def _losses(found: Calibration) -> str:
    before = f"{found.split} log loss {decimals(found.loss_before)}"
    if found.temperature == 1:
        return f"{before}, unchanged"
    return f"{before} -> {decimals(found.loss_after)}"


def log_threshold(found: Threshold) -> None:
    """Log a threshold and what it was chosen for."""
    limits = []
    if found.value or found.ood_similarity is None:
        limits.append(f"the probability is below {decimals(found.value)}")
    if found.ood_similarity is not None:
        limits.append(f"the OOD similarity is below {decimals(found.ood_similarity)}")
    log.info('the answer is "unknown" if %s: %s', " or ".join(limits), describe_threshold(found))


def unattainable(
    scores: Scores, target: Target, fraction: float, split: str
) -> tuple[str, float | None]:
    """Return that images can't guarantee a target, as text, and the highest one that they could."""
    best = best_guarantee(scores, target)
    rather = "nor any other" if best is None else f"at best {best:g}"
    return (
        f"{count_of(len(scores.names), f'{split} image')} can't guarantee a "
        f"{target} of {fraction:g} with {CONFIDENCE_TEXT} confidence, {rather}"
    ), best
