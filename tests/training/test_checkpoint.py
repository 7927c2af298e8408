"""Checkpoints bring everything back, and damaged ones are reported."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.training.callbacks import restore_counters
from imgrec.training.checkpoint import (
    TrainingProgress,
    load_checkpoint,
    load_epoch_end,
    load_frozen,
    newest_place,
    newest_progress,
    save_checkpoint,
    save_frozen,
)


def _model(units: int = 3) -> Any:
    import keras

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dropout(0.5)]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def _variables(model: Any) -> list[Any]:
    measured = [variable for metric in model.metrics for variable in metric.variables]
    return [*model.variables, *model.optimizer.variables, *measured]


def _of(model: Any) -> Callable[[TrainingProgress], list[Any]]:
    return lambda _: _variables(model)


def _values(model: Any) -> list[Any]:
    return [np.asarray(variable) for variable in _variables(model)]


def test_a_checkpoint_brings_back_weights_optimizer_random_states_and_progress(
    tmp_path: Path,
) -> None:
    """Another model of the same kind becomes the one that was saved, bit for bit."""
    saved, other = _model(), _model()
    saved.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    progress = TrainingProgress(2, {"loss": [0.5, 0.25]}, 2, 0.25, [{"wait": 1.0, "best": None}])
    save_checkpoint(tmp_path, _variables(saved), progress, keep=2)
    assert load_checkpoint(tmp_path, _of(other)) == progress
    for one, another in zip(_values(saved), _values(other), strict=True):
        np.testing.assert_array_equal(one, another)


def test_metrics_continue_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    """The mean loss is that of all steps, those before the checkpoint too."""
    saved, other = _model(), _model()
    for model in (saved, other):
        model.train_on_batch(np.ones((8, 4)), np.ones((8, 3)))
    save_checkpoint(tmp_path, _variables(saved), TrainingProgress(step=1), keep=2)
    other.train_on_batch(np.zeros((8, 4)), np.ones((8, 3)))
    assert load_checkpoint(tmp_path, _of(other)).step == 1
    assert _numbers(other.get_metrics_result()) == _numbers(saved.get_metrics_result())


def _numbers(logs: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}


@pytest.mark.parametrize(
    ("keep", "left"),
    [(1, [(3, 0), (3, 5)]), (3, [(3, 0), (3, 4), (3, 5)]), (5, [(2, 0), (2, 9), (3, 0)])],
)
def test_the_newest_checkpoints_are_kept(
    tmp_path: Path, keep: Any, left: list[tuple[int, int]]
) -> None:
    """As many as `keep` says, and the newest after an epoch, to begin the next one again."""
    model = _model()
    for epoch, step in [(0, 0), (1, 0), (2, 0), (2, 9), (3, 0), (3, 4), (3, 5)]:
        save_checkpoint(tmp_path, _variables(model), TrainingProgress(epoch, step=step), keep)
    names = [_name(epoch, step) for epoch, step in left]
    assert sorted(path.name for path in tmp_path.iterdir())[: len(names)] == names


def test_all_checkpoints_may_be_kept(tmp_path: Path) -> None:
    """`keep: all` removes none."""
    model = _model()
    for epoch in range(5):
        save_checkpoint(tmp_path, _variables(model), TrainingProgress(epoch), "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == [_name(n, 0) for n in range(5)]


def _name(epoch: int, step: int) -> str:
    return f"epoch-{epoch:06d}-step-{step:09d}.npz"


def test_no_checkpoint_is_reported(tmp_path: Path) -> None:
    """The folder is named."""
    with pytest.raises(RunError, match="there is no checkpoint"):
        load_checkpoint(tmp_path, _of(_model()))


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "one bit"])
def test_the_checkpoint_before_a_damaged_one_is_used(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A file cut short, an empty one, text, or one wrong bit: each is named, and set aside."""
    before, after = _model(), _model()
    for epoch, model in enumerate([before, after], 1):
        save_checkpoint(tmp_path, _variables(model), TrainingProgress(epoch), 2)
    path = tmp_path / _name(2, 0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"cut": bytes(content[: len(content) // 2]), "empty": b"", "text": b"no archive"}
    path.write_bytes(damaged.get(damage, bytes(content)))
    found = _model()
    assert load_checkpoint(tmp_path, _of(found)).epoch == 1
    for one, another in zip(_values(before), _values(found), strict=True):
        np.testing.assert_array_equal(one, another)
    assert f"{path} can't be used: its content does not fit its hash" in caplog.text
    assert path.with_suffix(".damaged").is_file()
    assert newest_place(tmp_path) == "after epoch 1"


def test_a_checkpoint_that_can_not_be_read_stays_where_it_is(tmp_path: Path) -> None:
    """If the system refuses a file, its content is unknown; a folder is refused to all."""
    save_checkpoint(tmp_path, _variables(_model()), TrainingProgress(1), 2)
    (tmp_path / _name(2, 0)).mkdir()
    with pytest.raises(RunError, match=r"step-000000000\.npz can't be read: is a directory"):
        load_checkpoint(tmp_path, _of(_model()))
    assert sorted(path.name for path in tmp_path.iterdir()) == [_name(1, 0), _name(2, 0)]


@pytest.mark.parametrize(
    ("progress", "message"),
    [
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"epoch": "1"}', "epoch: expected a whole number, got text"),
        (b"1" * 5000, "has too many digits"),
        (b'{"step": -4}', "step: expected at least 0, got -4"),
        (b'{"epoch": 2, "history": {"loss": [1.0]}}', "history: expected 2 values for each column"),
    ],
)
def test_what_no_training_wrote_is_refused(tmp_path: Path, progress: bytes, message: str) -> None:
    """The hash of a stranger's checkpoint may be right."""
    _forged(tmp_path / _name(1, 0), np.savez, progress=np.frombuffer(progress, np.uint8))
    with pytest.raises(RunError, match=message):
        newest_progress(tmp_path)


def test_a_compressed_checkpoint_is_refused(tmp_path: Path) -> None:
    """A few bytes could become gigabytes."""
    _forged(tmp_path / _name(1, 0), np.savez_compressed, progress=np.zeros(100, np.uint8))
    with pytest.raises(RunError, match="there is no whole checkpoint"):
        newest_progress(tmp_path)


def test_an_encrypted_checkpoint_is_refused(tmp_path: Path) -> None:
    """Its members can't be read without a password."""
    content = io.BytesIO()
    np.savez(content, progress=np.zeros(100, np.uint8))
    encrypted = bytearray(content.getvalue())
    encrypted[encrypted.index(b"PK\x03\x04") + 6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    path = tmp_path / _name(1, 0)
    path.write_bytes(encrypted + hashlib.sha256(encrypted).digest())
    with pytest.raises(RunError, match="there is no whole checkpoint"):
        newest_progress(tmp_path)


@pytest.mark.parametrize(
    ("name", "dtype", "message"),
    [("other", np.float32, "its 1 arrays are not of the 1 shapes"), ("0", "U1", "not numbers")],
)
def test_arrays_that_no_training_wrote_are_refused(
    tmp_path: Path, name: str, dtype: Any, message: str
) -> None:
    """No variable gets a value."""
    variable = np.zeros(3, np.float32)
    arrays: dict[str, Any] = {name: np.ones(3).astype(dtype)}
    _forged(
        tmp_path / _name(1, 0),
        np.savez,
        progress=np.frombuffer(b'{"epoch": 1}', np.uint8),
        **arrays,
    )
    with pytest.raises(RunError, match=message):
        load_checkpoint(tmp_path, lambda _: [variable])


def _forged(path: Path, save: Callable[..., object], **arrays: object) -> None:
    content = io.BytesIO()
    save(content, **arrays)
    path.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def test_only_counters_of_callbacks_are_restored() -> None:
    """A stranger's checkpoint can't replace their methods."""
    import keras

    stopping = keras.callbacks.EarlyStopping()
    callbacks = keras.callbacks.CallbackList([stopping], model=_model())
    restore_counters(callbacks, [{"wait": 2.0, "on_epoch_end": 1.0, "model": 1.0}])
    assert stopping.wait == 2.0
    assert callable(stopping.on_epoch_end)


def test_the_place_is_known_without_the_model(tmp_path: Path) -> None:
    """Of the newest whole checkpoint; without any there is none."""
    assert newest_progress(tmp_path) is None
    progress = TrainingProgress(1, step=7)
    save_checkpoint(tmp_path, _variables(_model()), progress, 2)
    (tmp_path / _name(2, 0)).write_bytes(b"cut")
    assert newest_progress(tmp_path) == progress


def test_where_every_checkpoint_is_damaged_none_is_used(tmp_path: Path) -> None:
    """The folder is named."""
    (tmp_path / _name(1, 0)).write_bytes(b"")
    with pytest.raises(RunError, match="there is no whole checkpoint in "):
        load_checkpoint(tmp_path, _of(_model()))


def test_the_checkpoint_of_another_model_is_reported(tmp_path: Path) -> None:
    """It is whole, and stays."""
    save_checkpoint(tmp_path, _variables(_model(5)), TrainingProgress(1), 2)
    with pytest.raises(RunError, match=r"step-000000000\.npz can't be used"):
        load_checkpoint(tmp_path, _of(_model()))
    assert (tmp_path / _name(1, 0)).is_file()


def test_the_end_of_the_last_epoch_comes_back(tmp_path: Path) -> None:
    """What was written after it is gone."""
    model = _model()
    for epoch, step in [(1, 0), (2, 0), (2, 3), (2, 6)]:
        save_checkpoint(tmp_path, _variables(model), TrainingProgress(epoch, step=step), 2)
    assert newest_place(tmp_path) == "in epoch 3, after step 6"
    found = load_epoch_end(tmp_path, _of(model))
    assert (found.epoch, found.step) == (2, 0)
    assert newest_place(tmp_path) == "after epoch 2"


def test_frozen_weights_come_back(tmp_path: Path) -> None:
    """Bit for bit, from a file beside the checkpoints that is not one of them."""
    saved, other = _model(), _model()
    save_frozen(tmp_path, saved.variables)
    load_frozen(tmp_path, other.variables)
    for one, another in zip(saved.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one, another)
    assert newest_place(tmp_path) is None


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("missing", "no such file"),
        ("one bit", "does not fit its hash"),
        ("another model", "are not of the 3 shapes"),
    ],
)
def test_frozen_weights_that_can_not_be_used_are_reported(
    tmp_path: Path, damage: str, words: str
) -> None:
    """Their file is named: a checkpoint can't be used without them."""
    model = _model()
    save_frozen(tmp_path, model.variables[: 1 if damage == "another model" else None])
    (path,) = tmp_path.iterdir()
    if damage == "missing":
        path.unlink()
    elif damage == "one bit":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    with pytest.raises(RunError, match=rf"backbone\.npz can't be used: .*{words}") as caught:
        load_frozen(tmp_path, model.variables)
    assert "train from the start" in caught.value.hint
