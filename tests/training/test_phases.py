"""Fine-tuning: a second part of the training, in which the backbone learns too."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.errors import ConfigError, UsageError
from imgrec.progress import Silent
from imgrec.runs.folder import Run, find
from imgrec.training.checkpoint import newest_place
from imgrec.workflows.experiment_sections import build_network
from imgrec.workflows.training import resume, train
from tests.cli.killing import assert_same_weights
from tests.training.conftest import Make

FINE_TUNE = "training.fine_tune={from: conv_2, epochs: 2, learning_rate: 1e-4}"
# No loss falls by 100: the head's training stops after its second epoch.
STOPPING = "training.callbacks=[{EarlyStopping: {min_delta: 100}}]"


# After so many steps in the task of this name; and where a run stands that is killed there.
MOMENTS = {
    ("epoch 2/3", 2): "in epoch 2, after step 2",
    ("epoch 3/4", 0): "after epoch 2",
    ("epoch 4/4", 0): "after epoch 3",
    ("epoch 4/4", 3): "in epoch 4, after step 3",
}


class _Copying(Silent):
    """A progress that copies the run at each of `MOMENTS`, to a folder named as the place."""

    def __init__(self, runs: Path, copies: Path) -> None:
        self._runs, self._copies = runs, copies
        self._title, self._steps = "", 0

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Silent]:
        """Show nothing."""
        self._title, self._steps = title, -1
        yield self

    def advance(self, count: int = 1, note: str = "") -> None:
        """Take a step; the first call records what was done before."""
        self._steps += 1
        if place := MOMENTS.get((self._title, self._steps)):
            shutil.copytree(self._runs, self._copies / place)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what `_Copying` copies from `tuned`."""
    return tmp_path_factory.mktemp("copies")


@pytest.fixture(scope="module")
def tuned(make: Make, copies: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A training of the head that stopped early, and two epochs of fine-tuning."""
    runs = tmp_path_factory.mktemp("runs")
    often = make(FINE_TUNE, STOPPING, "training.checkpoint.every=1 step")
    return train(often, runs_dir=runs, progress=_Copying(runs, copies)).run


def _rows(run: Run) -> list[dict[str, str]]:
    rows = csv.DictReader((run.path / "history.csv").read_text().splitlines())
    timed = ("seconds", "images_per_second")
    return [{key: value for key, value in row.items() if key not in timed} for row in rows]


def _network(run: Run) -> Any:
    import keras

    return keras.models.load_model(run.path / "last.keras").get_layer("backbone")


def test_fine_tuning_follows_on_the_head(tuned: Run) -> None:
    """The epochs continue, with another rate; the best model is of all of them."""
    rows = _rows(tuned)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-4, 1e-4])
    losses = [float(row["val_loss"]) for row in rows]
    assert tuned.card.best["epoch"] == 1 + int(np.argmin(losses))


def test_layers_learn_from_the_one_named_on(tuned: Run, make: Make) -> None:
    """Those before it are as they were, and so is what batch normalization goes by."""
    before = build_network(make(), 2).get_layer("backbone")
    after = _network(tuned)
    first = [layer.name for layer in before.layers].index("conv_2")
    for index, layer in enumerate(before.layers):
        for old, new in zip(layer.weights, after.layers[index].weights, strict=True):
            learns = index >= first and "moving" not in old.name
            assert (not np.array_equal(old, new)) == learns, old.path


def test_fine_tuning_on_features_brings_what_the_slow_way_brings(
    tuned: Run, make: Make, tmp_path: Path
) -> None:
    """What is below the layers that learn is computed once; the history is the same to 1e-5."""
    slow = train(make(FINE_TUNE, STOPPING, "data.cache=none"), runs_dir=tmp_path).run
    _assert_alike(tuned, slow)


def _assert_alike(one: Run, other: Run) -> None:
    for ours, theirs in zip(_rows(one), _rows(other), strict=True):
        expected = {name: pytest.approx(float(value), 1e-5, 1e-5) for name, value in theirs.items()}
        assert {name: float(value) for name, value in ours.items()} == expected


@pytest.mark.slow
def test_a_network_of_keras_is_fine_tuned_on_features_too(make: Make, tmp_path: Path) -> None:
    """MobileNet, with the preprocessing that belongs to it."""
    mobilenet = "model.backbone={name: MobileNet, weights: null, trainable: false}"
    overrides = [mobilenet, FINE_TUNE.replace("conv_2", "conv_pw_13"), STOPPING]
    kept, slow = (
        train(make(*overrides, *cache), runs_dir=tmp_path).run
        for cache in ([], ["data.cache=none"])
    )
    _assert_alike(kept, slow)


@pytest.mark.parametrize("place", MOMENTS.values())
def test_a_training_that_ends_in_either_part_resumes_exactly(
    tuned: Run, copies: Path, place: str
) -> None:
    """Between epochs or within one, on features: history and weights are bit for bit the same."""
    assert newest_place(copies / place / "frozen-1" / "state") == place
    run = resume(find("frozen-1", copies / place, resumable=True)).run
    assert _rows(run) == _rows(tuned)
    assert_same_weights(run.path / "last.keras", tuned.path / "last.keras")


@pytest.mark.parametrize("epochs", [1, 9])
def test_the_epochs_of_a_part_that_is_over_are_refused(tuned: Run, epochs: int) -> None:
    """The head is trained no further once the backbone learns: config.yaml would be wrong."""
    with pytest.raises(UsageError, match="frozen-1 is being fine-tuned already") as caught:
        resume(tuned, overrides=[f"training.epochs={epochs}"])
    assert "training.fine_tune.epochs=" in caught.value.hint
    assert "epochs: 3\n" in (tuned.path / "config.yaml").read_text()


def test_a_missing_layer_is_reported_with_similar_names(make: Make) -> None:
    """When the model is built, as only Keras knows its layers."""
    experiment = make("training.fine_tune={from: conv_3}")
    with pytest.raises(ConfigError, match=r"fine_tune.from: .*conv_2, .*; or `all`"):
        build_network(experiment, 2)


@pytest.mark.parametrize("override", ["model.backbone.trainable=true", "model.backbone=null"])
def test_what_learns_already_is_not_fine_tuned(make: Make, override: str) -> None:
    """fine_tune belongs to a frozen backbone."""
    with pytest.raises(ConfigError, match="trainable: false"):
        make("training.fine_tune={from: all}", override)
