"""Checkpoints: everything that a training needs to go on as if nothing had happened."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.files import write_atomically
from imgrec.text import shown

History = dict[str, list[float]]
_PROGRESS = "progress"


@dataclass
class TrainingProgress:
    """Where a training stands.

    epoch: finished epochs; history: a value per finished epoch for each column; best_epoch:
    counted from 1, 0 before there is one; callbacks: the counters of Keras' callbacks;
    stopped: whether one of them ended the training early.
    """

    epoch: int = 0
    history: History = field(default_factory=dict)
    best_epoch: int = 0
    best_value: float | None = None
    callbacks: list[dict[str, float | None]] = field(default_factory=list)
    stopped: bool = False


def save_checkpoint(
    folder: Path, model: Any, progress: TrainingProgress, keep: int | Literal["all"]
) -> None:
    """Write `epoch-<n>.npz`, atomically, then remove all but the newest `keep` of them.

    It holds every variable of the model, the states of the random generators inside its
    layers among them, every variable of its optimizer, and `progress`.
    """
    arrays = {_PROGRESS: np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)}
    for number, variable in enumerate(_variables(model)):
        arrays[str(number)] = np.asarray(variable)
    path = folder / f"epoch-{progress.epoch:06d}.npz"
    write_atomically(path, lambda temporary: _save(temporary, arrays))
    if keep != "all":
        for old in _checkpoints(folder)[:-keep]:
            old.unlink()


def load_checkpoint(folder: Path, model: Any) -> TrainingProgress:
    """Put the newest checkpoint's values into `model` and its optimizer; return the progress.

    Raises RunError where there is none, or it is damaged or of another model.
    """
    path = newest_checkpoint(folder)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            values = [arrays[str(number)] for number in range(len(arrays) - 1)]
            for variable, value in zip(_variables(model), values, strict=True):
                variable.assign(value)
            return TrainingProgress(**json.loads(arrays[_PROGRESS].tobytes()))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        hint = "remove it to go on from the checkpoint before it, if one was kept"
        place = shown(str(path))
        raise RunError(f"the checkpoint {place} can't be used: {error}", hint=hint) from error


def newest_epoch(folder: Path) -> int | None:
    """Return the epoch that the newest checkpoint was written after; None where there is none."""
    checkpoints = _checkpoints(folder)
    return int(checkpoints[-1].stem.removeprefix("epoch-")) if checkpoints else None


def newest_checkpoint(folder: Path) -> Path:
    """Return the newest checkpoint's file; raises RunError where there is none."""
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        raise RunError(
            f"there is no checkpoint in {shown(str(folder))}", hint="train from the start"
        )
    return checkpoints[-1]


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*.npz"))


def _variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
