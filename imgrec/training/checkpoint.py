"""Checkpoints: everything that is needed to resume a training exactly where it stopped."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.archives import check_directory
from imgrec.config.training import Checkpoint
from imgrec.errors import RunError
from imgrec.files import cannot_write, read_regular, reason_of, write_atomically
from imgrec.json_documents import from_builtins, parse_json
from imgrec.text import printable
from imgrec.training.steps import Steps

log = logging.getLogger("imgrec")

History = dict[str, list[float]]
Arrays = dict[str, NDArray[Any]]
START = "from the start"
_PROGRESS = "progress"
_FROM_START = "train from the start"
_FROZEN = "backbone.npz"
_NUMBERS = "biuf"
_MAX_BYTES = 64 << 30
# RuntimeError: a member is encrypted, or packed as zipfile does not know.
_DAMAGE = (EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile)
_HASH_BYTES = hashlib.sha256().digest_size


class OtherModel(RunError):
    """A whole checkpoint whose variables are not those of the model, optimizer and metrics."""


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

    Raises RunError if it is missing, damaged, or of another model.
    """
    path = folder / _FROZEN
    try:
        arrays = _whole(path)
    except _DAMAGE as error:
        raise _unusable(path, str(error)) from error
    _put(path, arrays, variables)


class Checkpoints:
    """Writes the checkpoints of a training, and decides when one is due within an epoch.

    Args:
        folder: Where they are.
        settings: How often, and how many are kept.
        steps: Whose variables they hold.
    """

    def __init__(self, folder: Path, settings: Checkpoint, steps: Steps) -> None:
        self._folder, self._settings, self._steps = folder, settings, steps
        self._written = time.monotonic()

    def due(self, progress: TrainingProgress, steps_per_epoch: int) -> bool:
        """Return whether a checkpoint within the epoch is to be written after this step."""
        interval = self._settings.interval
        if interval.unit == "steps":
            return (progress.epoch * steps_per_epoch + progress.step) % interval.count == 0
        seconds = time.monotonic() - self._written
        return interval.unit == "seconds" and seconds >= interval.count

    def save(self, progress: TrainingProgress) -> None:
        """Write a checkpoint of where the training stands; with the first, the frozen weights."""
        begins = progress.phase == progress.epoch == progress.step == 0
        if begins and self._steps.frozen:
            save_frozen(self._folder, self._steps.frozen)
        save_checkpoint(self._folder, self._steps.variables, progress, self._settings.keep)
        self._written = time.monotonic()

    def go_back(self) -> TrainingProgress:
        """Bring the end of the last whole epoch back, and return its progress."""
        return load_epoch_end(self._folder, lambda _: self._steps.variables)


def newest_progress(folder: Path) -> TrainingProgress | None:
    """Return where the newest whole checkpoint stands; None if there is no checkpoint.

    Damaged ones are treated as `load_checkpoint` does, and it raises the same errors.
    """
    if not _checkpoints(folder):
        return None
    path, arrays = _newest(folder)
    return _progress(path, arrays)


def load_checkpoint(
    folder: Path, variables: Callable[[TrainingProgress], Sequence[Any]]
) -> TrainingProgress:
    """Put the newest whole checkpoint's values into the variables; return the progress.

    variables: from a checkpoint's progress to those of Steps in its phase. A damaged checkpoint
    is named and renamed to `*.damaged`. Raises RunError if there is no other, or if it
    can't be read; OtherModel where it is of another model.
    """
    path, arrays = _newest(folder)
    progress = _progress(path, arrays)
    _put(path, arrays, variables(progress))
    return progress


def load_epoch_end(
    folder: Path, variables: Callable[[TrainingProgress], Sequence[Any]]
) -> TrainingProgress:
    """Go back to the end of the newest finished epoch; checkpoints after it are removed.

    Raises RunError if that checkpoint is missing, damaged, or of another model.
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


def _whole(path: Path) -> Arrays:
    """Return the arrays of a checkpoint.

    Raises one of _DAMAGE if its hash does not fit, RunError if it can't be read: that
    says nothing about what is in it.
    """
    try:
        content = read_regular(path, _MAX_BYTES)
    except FileNotFoundError as error:
        raise _unusable(path, reason_of(error)) from error
    except OSError as error:
        raise RunError(
            f"the checkpoint {printable(str(path))} can't be read: {reason_of(error)}",
            hint="it is left as it is; resume once it can be read",
        ) from error
    body, digest = memoryview(content)[:-_HASH_BYTES], content[-_HASH_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise ValueError("its content does not fit its hash")
    check_directory(io.BytesIO(body))
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        if any(each.compress_type != zipfile.ZIP_STORED for each in arrays.zip.infolist()):
            raise ValueError("it is compressed, as checkpoints never are")
        return dict(arrays)


def _newest(folder: Path) -> tuple[Path, Arrays]:
    """Return the newest whole checkpoint; those that are damaged are set aside."""
    damage: RunError | None = None
    for path in reversed(_checkpoints(folder)):
        try:
            return path, _whole(path)
        except _DAMAGE as error:
            damage = _unusable(path, str(error))
            log.warning("%s; it is set aside", damage)
            _set_aside(path)
    number = "no" if damage is None else "no whole"
    raise RunError(
        f"there is {number} checkpoint in {printable(str(folder))}", hint=_FROM_START
    ) from damage


def _set_aside(path: Path) -> None:
    try:
        path.rename(path.with_suffix(".damaged"))
    except OSError as error:
        raise cannot_write(path, error) from error


def _progress(path: Path, arrays: Arrays) -> TrainingProgress:
    try:
        document = parse_json(arrays[_PROGRESS].tobytes(), finite=False)
        progress = from_builtins(TrainingProgress, document)
        _check_counts(progress)
    except (ValueError, KeyError) as error:
        raise _unusable(path, str(error)) from error
    return progress


def _check_counts(progress: TrainingProgress) -> None:
    for name, value in asdict(progress).items():
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{name}: expected at least 0, got {value}")
    if any(len(values) != progress.epoch for values in progress.history.values()):
        raise ValueError(f"history: expected {progress.epoch} values for each column")


def _arrays(variables: Sequence[Any]) -> Arrays:
    return {str(number): _stored(np.asarray(each)) for number, each in enumerate(variables)}


def _stored(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a type that NumPy's files know: bfloat16 as float32, which is exact."""
    return values.astype(np.float32) if values.dtype.name == "bfloat16" else values


def _put(path: Path, arrays: Arrays, variables: Sequence[Any]) -> None:
    """Give each variable its value; none is changed where they don't fit."""
    values = {name: value for name, value in arrays.items() if name != _PROGRESS}
    shapes = {str(number): tuple(each.shape) for number, each in enumerate(variables)}
    if {name: value.shape for name, value in values.items()} != shapes:
        raise OtherModel(
            f"the checkpoint {printable(str(path))} can't be used: its {len(values)} arrays "
            f"are not "
            f"of the {len(variables)} shapes that model, optimizer and metrics have",
            hint=_FROM_START,
        )
    if any(value.dtype.kind not in _NUMBERS for value in values.values()):
        raise _unusable(path, "its arrays are not numbers")
    for number, variable in enumerate(variables):
        variable.assign(values[str(number)])


def _unusable(path: Path, reason: str) -> RunError:
    return RunError(
        f"the checkpoint {printable(str(path))} can't be used: {reason}", hint=_FROM_START
    )
