"""The last touch to a trained model: how sure it may be, and when it says "unknown"."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.evaluation import SelectivePrediction
from imgrec.data.images import decode_in_order
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.evaluation.calibration import calibrated, fit_temperature
from imgrec.evaluation.selective_prediction import LabelTarget, choose_threshold, choose_thresholds
from imgrec.files import sha256_of
from imgrec.models.network import apply_temperature, reference_directions, with_ood_similarity
from imgrec.parallel import usable_cores
from imgrec.progress import Progress
from imgrec.runs.card import BEST_MODEL, Calibration, LabelThresholds, Threshold
from imgrec.runs.writer import RunWriter
from imgrec.runtime.keras_engine import KerasEngine, open_keras
from imgrec.runtime.score import score
from imgrec.scores import Scores
from imgrec.text import join_few, printable
from imgrec.workflows.prepare import Prepared

log = logging.getLogger("imgrec")

_SPLIT = "validation"
_KNOWN_IMAGES = 500
_KNOWN_NUMBERS = 1_000_000
_BATCH = 32


@dataclass(frozen=True)
class _Fitted:
    """A model with its temperature, and what the card will say of it."""

    model: Any
    calibration: Calibration
    threshold: Threshold | None
    thresholds: LabelThresholds | None


def calibrate(writer: RunWriter, prepared: Prepared, progress: Progress) -> None:
    """Divide the logits of a run's best model by the temperature that fits its validation images.

    Where `evaluation.selective_prediction` asks for it, the model also gets an OOD score, and the
    card gets the limits below which an answer is "unknown"; where `evaluation.thresholds` does, it
    gets the threshold of each class. A model that is calibrated already, by a training that was
    stopped right after, stays as it is. Without validation images nothing is done.
    """
    if not prepared.splits.validation:
        log.info("no validation images: the probabilities are not calibrated")
        return
    if _is_calibrated(writer):
        return
    fitted = _fitted(open_keras(writer.run), prepared, progress)
    writer.write_model(
        BEST_MODEL,
        fitted.model.save,
        calibration=fitted.calibration,
        threshold=fitted.threshold,
        thresholds=fitted.thresholds,
    )


def _is_calibrated(writer: RunWriter) -> bool:
    found = writer.card.calibration
    return found is not None and found.model == sha256_of(writer.folder / BEST_MODEL)


def _fitted(engine: KerasEngine, prepared: Prepared, progress: Progress) -> _Fitted:
    experiment, splits = prepared.experiment, prepared.splits
    selective_prediction = experiment.evaluation.selective_prediction
    if selective_prediction is not None:
        known = _known(engine, splits.train, experiment.seed)
        engine = replace(engine, model=with_ood_similarity(engine.model, known))
    scores = score(
        engine,
        splits.validation,
        labelled=True,
        bad_images=experiment.data.bad_images,
        progress=progress,
    )
    found = fit_temperature(scores, _SPLIT)
    apply_temperature(engine.model, found.temperature)
    log.info("probabilities calibrated (temperature %.3f): %s", found.temperature, _losses(found))
    scores = calibrated(scores, found.temperature)
    threshold = _threshold(selective_prediction, scores) if selective_prediction else None
    rule = experiment.evaluation.thresholds_target
    thresholds = _thresholds(*rule, scores) if rule else None
    return _Fitted(engine.model, found, threshold, thresholds)


def _losses(found: Calibration) -> str:
    if found.temperature == 1:
        return f"validation log loss {found.loss_before:.4f}, unchanged"
    return f"validation log loss {found.loss_before:.4f} -> {found.loss_after:.4f}"


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


def _threshold(selective_prediction: SelectivePrediction, scores: Scores) -> Threshold | None:
    target, fraction = selective_prediction.target
    found = choose_threshold(scores, target, fraction, _SPLIT)
    if found is None:
        log.warning(
            "no threshold keeps evaluation.selective_prediction's %s of %g: none is set",
            target,
            fraction,
        )
        return None
    kept = f"{found.coverage:.1%} of the validation images answered, {found.precision:.1%} right"
    log.info('"unknown" below %.4f: %s', found.value, kept)
    return found


def _thresholds(target: LabelTarget, fraction: float, scores: Scores) -> LabelThresholds:
    found, without = choose_thresholds(scores, target, fraction, _SPLIT)
    if without:
        log.warning("no threshold for %s of %s: it is 0.5", found.target, join_few(without))
    values = ", ".join(f"{printable(name)} {value:.4f}" for name, value in found.values.items())
    log.info("thresholds for %s: %s", found.target, values)
    return found
