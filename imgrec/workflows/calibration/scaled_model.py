"""A run's model whose logits can be divided by a temperature, in its weights or its graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.models.files import remove_description
from imgrec.models.last_layer import without_ood_similarity
from imgrec.models.litert import with_temperature
from imgrec.models.network import apply_temperature
from imgrec.runs.card import BEST_MODEL, Card
from imgrec.runs.folder import Run
from imgrec.runtime.engine import Engine
from imgrec.runtime.keras_engine import KerasEngine, open_keras
from imgrec.runtime.litert_engine import FILES, LiteRTEngine, litert_engine, open_litert
from imgrec.scores import Scores

# The log odds of the two most probable classes are compared; below, their digits are lost.
_LEAST = 1e-6
_NEAR = 1e-2


class ScalableModel(Protocol):
    """A model in memory; its run stays as it is."""

    file: str
    """The name of its file in a run."""

    @property
    def engine(self) -> Engine:
        """What runs it, as it is now."""

    def divide_logits(self, temperature: float) -> None:
        """Divide its logits by a temperature; raise RunError if there is no place for it."""

    def save(self, path: Path) -> None:
        """Write its file."""


@dataclass
class _KerasModel:
    engine: KerasEngine
    file: str = BEST_MODEL

    def divide_logits(self, temperature: float) -> None:
        apply_temperature(self.engine.model, temperature)

    def save(self, path: Path) -> None:
        self.engine.model.save(path)


@dataclass
class _LiteRTModel:
    engine: LiteRTEngine
    card: Card
    file: str = FILES["float32"]

    def divide_logits(self, temperature: float) -> None:
        if self.engine.output.scale:
            raise RunError("its probabilities are whole numbers, too coarse for a temperature")
        content = with_temperature(self.engine.content, self.engine.output.index, temperature)
        if content is None:
            raise RunError(
                "a temperature can only be put into the softmax of a LiteRT file, and its output "
                "is not that of a softmax"
            )
        self.engine = litert_engine(content, self.card)

    def save(self, path: Path) -> None:
        path.write_bytes(self.engine.content)
        remove_description(path)  # it is that of the run before; the card says what is true


def open_scalable(run: Run, *, with_ood_similarity: bool) -> ScalableModel:
    """Open a run's model.

    Args:
        run: The run.
        with_ood_similarity: Whether to keep the output for the OOD similarity, if it has one.

    Raises:
        RunError: The model can't be used.
    """
    if run.card.only_litert:
        return _LiteRTModel(open_litert(run), run.card)
    engine = open_keras(run)
    if not with_ood_similarity:
        engine = replace(engine, model=without_ood_similarity(engine.model))
    return _KerasModel(engine)


def require_scaled(before: Scores, after: Scores, temperature: float) -> None:
    """Raise RunError unless the logits of the same images were divided by the temperature."""
    odds, scaled = _log_odds(before), _log_odds(after)
    both = np.isfinite(odds) & np.isfinite(scaled)
    if not np.allclose(odds[both] / temperature, scaled[both], rtol=_NEAR, atol=_NEAR):
        raise RunError("dividing its logits by a temperature changes more than the probabilities")


def _log_odds(scores: Scores) -> NDArray[np.float64]:
    """Return the log odds of the two most probable classes, float64 (images,); NaN if too far."""
    lower, higher = np.sort(scores.probabilities.astype(np.float64), axis=1)[:, -2:].T
    with np.errstate(divide="ignore"):
        return np.where(lower > _LEAST, np.log(higher / lower), np.nan)
