"""Checkpoints: everything that a training needs to go on as if nothing had happened."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.files import write_atomically
from imgrec.text import shown

log = logging.getLogger("imgrec")

History = dict[str, list[float]]
START = "from the start"
_PROGRESS = "progress"
_FROZEN = "backbone.npz"
_DAMAGE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)
_HASH_BYTES = hashlib.sha256().digest_size


@dataclass
class TrainingProgress:
    """Where a training stands.

    epoch: finished epochs; history: a value per finished epoch for each column; best_epoch:
    counted from 1, 0 before there is one; callbacks: the counters of Keras' callbacks;
    stopped: whether one of them ended the training early.
    step: finished steps of the epoch under way; seconds: what they took; logs: what was
    measured in them, once all of them are done, and empty before.
    first_loss: of the very first step; restores: how often `on_nan: restore` went back;
    phase: which part of the training this is, from 0; phase_start: finished epochs when it began.
    """

    epoch: int = 0
    history: History = field(default_factory=dict)
    best_epoch: int = 0
    best_value: float | None = None
    callbacks: list[dict[str, float | None]] = field(default_factory=list)
    stopped: bool = False
    step: int = 0
    seconds: float = 0.0
    logs: dict[str, float] = field(default_factory=dict)
    first_loss: float | None = None
    restores: int = 0
    phase: int = 0
    phase_start: int = 0

    @property
    def place(self) -> str:
        """In words: `after epoch 2`, or `in epoch 3, after step 7`."""
        return _place(self.epoch, self.step)


def save_checkpoint(
    folder: Path, variables: Sequence[Any], progress: TrainingProgress, keep: int | Literal["all"]
) -> None:
    """Write `epoch-<n>-step-<n>.npz`, atomically, then remove what need not be kept.

    It holds `variables` (those of Steps) and `progress`; its last 32 bytes are the SHA-256 of
    those before. The newest `keep` of them stay, and the newest of an epoch's end.
    """
    arrays = {_PROGRESS: np.frombuffer(json.dumps(asdict(progress)).encode(), np.uint8)}
    arrays |= _arrays(variables)
    path = folder / f"epoch-{progress.epoch:06d}-step-{progress.step:09d}.npz"
    write_atomically(path, lambda temporary: _save(temporary, arrays))
    if keep != "all":
        for old in set(_checkpoints(folder)[:-keep]) - set(_of_ends(folder)[-1:]):
            old.unlink()


def save_frozen(folder: Path, variables: Sequence[Any]) -> None:
    """Write `backbone.npz`, atomically: the values of variables that no checkpoint holds."""
    write_atomically(folder / _FROZEN, lambda temporary: _save(temporary, _arrays(variables)))


def load_frozen(folder: Path, variables: Sequence[Any]) -> None:
    """Put the values of `backbone.npz` into the variables.

    Raises RunError where it is missing, damaged, or of another model.
    """
    path = folder / _FROZEN
    try:
        _put(_whole(path), variables)
    except _DAMAGE as error:
        raise _unusable(path, error) from error


def load_checkpoint(
    folder: Path, variables: Callable[[TrainingProgress], Sequence[Any]]
) -> TrainingProgress:
    """Put the newest whole checkpoint's values into the variables; return the progress.

    variables: from a checkpoint's progress to those of Steps in its phase. A damaged checkpoint
    is named and renamed to `*.damaged`. Raises RunError where there is no other,
    or where it is of another model.
    """
    damage: RunError | None = None
    for path in reversed(_checkpoints(folder)):
        try:
            arrays = _whole(path)
        except _DAMAGE as error:
            damage = _unusable(path, error)
            log.warning("%s; it is set aside", damage)
            path.rename(path.with_suffix(".damaged"))
            continue
        return _assign(path, arrays, variables)
    if damage is not None:
        raise RunError(
            f"no checkpoint in {shown(str(folder))} can be used", hint="train from the start"
        ) from damage
    raise RunError(f"there is no checkpoint in {shown(str(folder))}", hint="train from the start")


def load_epoch_end(
    folder: Path, variables: Callable[[TrainingProgress], Sequence[Any]]
) -> TrainingProgress:
    """Go back to the end of the newest finished epoch; checkpoints after it are removed.

    Raises RunError where that checkpoint is missing, damaged, or of another model.
    """
    for path in reversed(_checkpoints(folder)):
        if path in _of_ends(folder):
            break
        path.unlink()
    return load_checkpoint(folder, variables)


def newest_place(folder: Path) -> str | None:
    """Return where the newest checkpoint stands, as TrainingProgress.place; None without one."""
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        return None
    _, epoch, _, step = checkpoints[-1].stem.split("-")
    return _place(int(epoch), int(step))


def _place(epoch: int, step: int) -> str:
    if step:
        return f"in epoch {epoch + 1}, after step {step}"
    return f"after epoch {epoch}" if epoch else START


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch-*-step-*.npz"))


def _of_ends(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"epoch-*-step-{0:09d}.npz"))


def _save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with path.open("w+b") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").digest()
        file.write(digest)


def _whole(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a checkpoint; raises ValueError where its hash does not fit."""
    content = path.read_bytes()
    body, digest = memoryview(content)[:-_HASH_BYTES], content[-_HASH_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("its content does not fit its hash")
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return dict(arrays)


def _assign(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    variables: Callable[[TrainingProgress], Sequence[Any]],
) -> TrainingProgress:
    try:
        progress = TrainingProgress(**json.loads(arrays[_PROGRESS].tobytes()))
        _put(arrays, variables(progress))
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(path, error) from error
    return progress


def _arrays(variables: Sequence[Any]) -> dict[str, NDArray[Any]]:
    return {str(number): np.asarray(variable) for number, variable in enumerate(variables)}


def _put(arrays: Mapping[str, NDArray[Any]], variables: Sequence[Any]) -> None:
    values = [arrays[str(number)] for number in range(len(arrays.keys() - {_PROGRESS}))]
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _unusable(path: Path, error: Exception) -> RunError:
    reason = error.strerror if isinstance(error, OSError) else error
    return RunError(
        f"the checkpoint {shown(str(path))} can't be used: {reason}", hint="train from the start"
    )
