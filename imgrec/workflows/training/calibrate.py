"""The last touch to a trained model: how sure it may be, and when it says "unknown"."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.experiment import Experiment
from imgrec.data.images import decode_in_order
from imgrec.data.records import Record, Splits
from imgrec.errors import BadImage
from imgrec.evaluation.calibration import calibrated, fit_temperature
from imgrec.evaluation.label_thresholds import LabelTarget, choose_thresholds
from imgrec.evaluation.selective_prediction import choose_threshold, supported_target
from imgrec.files import sha256_of
from imgrec.models.network import apply_temperature, reference_directions, with_ood_similarity
from imgrec.parallel import usable_cores
from imgrec.progress import Progress
from imgrec.rounding import decimals
from imgrec.runs.card import BEST_MODEL, Calibration, LabelThresholds, Threshold
from imgrec.runs.writer import RunWriter
from imgrec.runtime.keras_engine import KerasEngine, open_keras
from imgrec.runtime.score import score
from imgrec.scores import Scores
from imgrec.text import count_of, join_few, printable
from imgrec.workflows.calibration import (
    CONFIDENCE_TEXT,
    log_calibration,
    log_threshold,
    unattainable,
)
from imgrec.workflows.prepare import Prepared, calibration_part

log = logging.getLogger("imgrec")
data_log = logging.getLogger("imgrec.data")

_SPLIT = "validation"
_KNOWN_IMAGES = 500
_KNOWN_NUMBERS = 1_000_000
_BATCH = 32


@dataclass(frozen=True)
class _Fitted:
    """A model with its temperature, and what the card will say of it."""

    model: Any
    calibration: Calibration
    threshold: Threshold | None = None
    thresholds: LabelThresholds | None = None
    no_threshold: str = ""


def calibrate(writer: RunWriter, prepared: Prepared, progress: Progress) -> None:
    """Divide the logits of a run's best model by the temperature that fits its validation images.

    Where `evaluation.selective_prediction` asks for it, the model also gets an OOD score, and the
    card gets the limits below which an answer is "unknown", chosen on the calibration part; or the
    reason why no limit keeps the target. Where `evaluation.thresholds` does, the card gets the
    threshold of each class. A model that is calibrated already, by a training that was stopped
    right after, stays as it is, as does one by the cross-validation of a head that is solved
    exactly. Without validation images nothing is done.
    """
    if _is_calibrated(writer):
        return
    if not prepared.splits.validation:
        log.info("no validation images: the probabilities are not calibrated")
        return
    fitted = _fitted(open_keras(writer.run), prepared, progress)
    writer.write_model(
        BEST_MODEL,
        fitted.model.save,
        calibration=fitted.calibration,
        threshold=fitted.threshold,
        thresholds=fitted.thresholds,
        no_threshold=fitted.no_threshold,
    )


def warn_if_unattainable(experiment: Experiment, splits: Splits) -> None:
    """Say before a training that it will set no threshold, if there are too few images for it."""
    section = experiment.evaluation.selective_prediction
    if section is None:
        return
    part, validation = calibration_part(experiment, splits), splits.validation
    target, fraction = section.target
    best = supported_target(target, len(part or validation), limits=2)
    if best is None or best < fraction:
        data_log.warning(
            "evaluation.selective_prediction will set no threshold: with %s confidence, %s "
            "can guarantee a %s of %s at most, not of %g; add validation images, or "
            "lower the target",
            CONFIDENCE_TEXT,
            count_of(len(part or validation), f"{'calibration' if part else _SPLIT} image"),
            target,
            best or 0,
            fraction,
        )


def _is_calibrated(writer: RunWriter) -> bool:
    found = writer.card.calibration
    return found is not None and found.model == sha256_of(writer.folder / BEST_MODEL)


def _fitted(engine: KerasEngine, prepared: Prepared, progress: Progress) -> _Fitted:
    experiment, splits = prepared.experiment, prepared.splits
    selective_prediction = experiment.evaluation.selective_prediction
    plain = engine.model
    if selective_prediction is not None:
        known = _known(engine, splits.train, experiment.seed)
        engine = replace(engine, model=with_ood_similarity(engine.model, known))
    scores = _scores(engine, prepared, progress)
    found = fit_temperature(scores, _SPLIT)
    apply_temperature(engine.model, found.temperature)
    log_calibration(found)
    if selective_prediction is not None:
        # In the first scores, probabilities near 1 may be equal that no longer are.
        scores = _scores(engine, prepared, progress)
        part, split = _calibration_scores(scores, prepared)
        threshold = choose_threshold(part, *selective_prediction.target, split)
        if threshold is None:
            why, _ = unattainable(part, *selective_prediction.target, split)
            reason = f"no threshold is set: {why}"
            log.warning("%s", reason)
            return _Fitted(plain, found, no_threshold=reason)
        log_threshold(threshold)
        return _Fitted(engine.model, found, threshold)
    rule = experiment.evaluation.thresholds_target
    scores = calibrated(scores, found.temperature)
    return _Fitted(engine.model, found, thresholds=_thresholds(*rule, scores) if rule else None)


def _scores(engine: KerasEngine, prepared: Prepared, progress: Progress) -> Scores:
    """Return the scores of the validation images."""
    return score(
        engine,
        prepared.splits.validation,
        labelled=True,
        bad_images=prepared.experiment.data.bad_images,
        progress=progress,
    )


def _known(engine: KerasEngine, records: Sequence[Record], seed: int) -> NDArray[np.float32]:
    """Return the directions of up to 500 training images, fewer where they are long."""
    model = reference_directions(engine.model)
    most = max(1, min(_KNOWN_IMAGES, _KNOWN_NUMBERS // model.output_shape[-1]))
    chosen = np.random.default_rng(seed).permutation(len(records))[:most]
    found = decode_in_order([records[index] for index in chosen], engine.spec, usable_cores())
    images = [image for _, image in found if not isinstance(image, BadImage)]
    rows = [
        model.predict_on_batch(np.stack(images[start : start + _BATCH]).astype(np.float32))
        for start in range(0, len(images), _BATCH)
    ]
    return np.concatenate(rows)


def _calibration_scores(scores: Scores, prepared: Prepared) -> tuple[Scores, str]:
    """Return the scores that choose the threshold, and the name of their split."""
    part = calibration_part(prepared.experiment, prepared.splits)
    if not part:
        return scores, _SPLIT
    return scores.where(np.array([name in part for name in scores.names])), "calibration"


def _thresholds(target: LabelTarget, fraction: float, scores: Scores) -> LabelThresholds:
    found, without = choose_thresholds(scores, target, fraction, _SPLIT)
    if without:
        log.warning("no threshold for %s of %s: it is 0.5", found.target, join_few(without))
    values = ", ".join(
        f"{printable(name)} {decimals(value)}" for name, value in found.values.items()
    )
    log.info("thresholds for %s: %s", found.target, values)
    return found
