"""Checkpoints bring everything back, and damaged ones are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.training.checkpoint import TrainingProgress, load_checkpoint, save_checkpoint


def _model(units: int = 3) -> Any:
    import keras

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dropout(0.5)]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def _values(model: Any) -> list[Any]:
    return [np.asarray(variable) for variable in (*model.variables, *model.optimizer.variables)]


def test_a_checkpoint_brings_back_weights_optimizer_random_states_and_progress(
    tmp_path: Path,
) -> None:
    """Another model of the same kind becomes the one that was saved, bit for bit."""
    saved, other = _model(), _model()
    saved.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    progress = TrainingProgress(2, {"loss": [0.5, 0.25]}, 2, 0.25, [{"wait": 1.0, "best": None}])
    save_checkpoint(tmp_path, saved, progress, keep=2)
    assert load_checkpoint(tmp_path, other) == progress
    for one, another in zip(_values(saved), _values(other), strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize(("keep", "left"), [(2, [3, 4]), ("all", [1, 2, 3, 4])])
def test_the_newest_checkpoints_are_kept(tmp_path: Path, keep: Any, left: list[int]) -> None:
    """`keep: 2` leaves two, `all` leaves all."""
    model = _model()
    for epoch in range(1, 5):
        save_checkpoint(tmp_path, model, TrainingProgress(epoch), keep)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"epoch-{n:06d}.npz" for n in left]


def test_no_checkpoint_is_told(tmp_path: Path) -> None:
    """The folder is named."""
    with pytest.raises(RunError, match="there is no checkpoint"):
        load_checkpoint(tmp_path, _model())


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other model"])
def test_a_checkpoint_that_cannot_be_used_is_told(tmp_path: Path, damage: str) -> None:
    """A file cut short, an empty one, text, or another model's: each is named."""
    save_checkpoint(tmp_path, _model(5 if damage == "other model" else 3), TrainingProgress(1), 2)
    path = tmp_path / "epoch-000001.npz"
    content = path.read_bytes()
    damaged = {"cut": content[: len(content) // 2], "empty": b"", "text": b"no archive"}
    path.write_bytes(damaged.get(damage, content))
    with pytest.raises(RunError, match=r"epoch-000001\.npz can't be used"):
        load_checkpoint(tmp_path, _model())
