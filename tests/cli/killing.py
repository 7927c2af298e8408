"""A small training that is killed, and what it must have in common with one that was not."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.forks import StartFork, TextFork

# Dropout has a random state, batch normalisation weights that no gradient moves,
# an epoch ends in the middle of a lap through the 1,437 images, AUC counts in many variables,
# and both callbacks act.
CONFIG = """
name: digits
data: {loader: digits, image_size: [8, 8], channels: 1, split: {validation: 0.1, test: 0.1}}
preprocessing: {rescale: 1/255}
augmentation: {rotation_range: 10, width_shift_range: 0.1, mixup: 0.2}
model:
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - BatchNormalization
    - Dropout: {rate: 0.3}
    - Flatten
training:
  epochs: 40
  steps_per_epoch: 25
  metrics: [accuracy, AUC]
  optimizer: {Adam: {learning_rate: 0.01, use_ema: true, ema_momentum: 0.9}}
  callbacks:
    - ReduceLROnPlateau: {monitor: loss, patience: 1, min_delta: 0.1}
    - EarlyStopping: {monitor: loss, patience: 3, min_delta: 0.1, start_from_epoch: 4}
  checkpoint: {every: 3 steps}
"""
# The backbone's random weights are in none of the checkpoints, its features in the cache, and the
# second part has another optimizer, and other frozen layers. It computes in bfloat16.
FROZEN = """
name: digits
data: {loader: digits, image_size: [32, 32], channels: 3, split: {validation: 0.1, test: 0.1}}
model:
  backbone: {name: MobileNet, weights: null, trainable: false}
  layers: [GlobalAveragePooling2D, Dropout: {rate: 0.3}]
training:
  epochs: 4
  fine_tune: {from: conv_pw_13, epochs: 3, learning_rate: 1e-3}
  precision: mixed_bfloat16
  checkpoint: {every: 10 steps}
"""
TIMES = ("seconds", "images_per_second")


def begin(fork: StartFork, folder: Path, config: str = CONFIG) -> TextFork:
    """Start a training in `folder`, `fork`'s own."""
    (folder / "digits.yaml").write_text(config)
    return fork("train", "digits.yaml", "--device", "cpu")


def finished(process: TextFork) -> int:
    """Wait for a process; return its exit status."""
    process.communicate(timeout=240)
    return process.wait()


def assert_same(run: Path, whole: Path) -> None:
    """Compare weights, optimizer, random states, history, the best model and the files' names."""
    assert history(run) == history(whole)
    ours, theirs = newest(run), newest(whole)
    assert ours.name == theirs.name
    assert progress(ours) == progress(theirs)
    with np.load(ours) as one, np.load(theirs) as other:
        assert set(one) == set(other)
        for name in set(one) - {"progress"}:
            np.testing.assert_array_equal(one[name], other[name])
    for name in ("best.keras", "last.keras"):
        assert_same_weights(run / name, whole / name)
    assert best(run) == best(whole)
    files = [{path.name for path in one.iterdir()} for one in (run, whole)]
    assert files[0] == files[1]


def newest(run: Path) -> Path:
    """Return a run's newest checkpoint."""
    return max((run / "state").glob("*.npz"))


def progress(path: Path) -> dict[str, Any]:
    """Return a checkpoint's progress, the measured times left out."""
    with np.load(path) as arrays:
        found: dict[str, Any] = json.loads(arrays["progress"].tobytes())
    for name in TIMES:
        del found["history"][name]
    return found


def history(run: Path) -> dict[str, list[str]]:
    """Return the columns of a run's history.csv, the measured times left out."""
    with (run / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0] if name not in TIMES}


def assert_same_weights(path: Path, whole: Path) -> None:
    """Compare the arrays of two .keras files; Keras' names of layers depend on the process."""
    ours, theirs = weights(path), weights(whole)
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])


def weights(path: Path) -> dict[str, Any]:
    """Return the arrays in a .keras file by their place in it."""
    found: dict[str, Any] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(take)
    return found


def best(run: Path) -> dict[str, Any]:
    """Return what the card says of the best epoch."""
    found: dict[str, Any] = json.loads((run / "card.json").read_text())["best"]
    return found
