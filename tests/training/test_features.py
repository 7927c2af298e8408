"""A frozen backbone's features: computed once, and nothing else changes."""

from __future__ import annotations

import csv
import importlib.metadata
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from imgrec.config.experiment import Experiment
from imgrec.errors import ConfigError, RunError
from imgrec.models.backend import start
from imgrec.progress import Silent
from imgrec.runs.folder import Run
from imgrec.training.augmentation import Augmenter
from imgrec.training.features import feature_views, with_features
from imgrec.training.interrupt import Signals
from imgrec.training.steps import Steps, explain_out_of_memory
from imgrec.training.stream import SampleRef, TrainingImages, batches_in_order, training_batches
from imgrec.workflows.experiment_sections import build_steps, input_settings, memory_hint
from imgrec.workflows.prepare import prepare, training_split
from imgrec.workflows.training import resume, train
from tests.cli.killing import assert_same_weights, weights
from tests.training.conftest import Make


@pytest.fixture(scope="session")
def straight(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A training on features."""
    return train(make(), runs_dir=tmp_path_factory.mktemp("runs")).run


def _history(run: Run) -> dict[str, list[float]]:
    rows = list(csv.DictReader((run.path / "history.csv").read_text().splitlines()))
    timed = {"seconds", "images_per_second"}
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name not in timed}


def test_features_bring_what_the_slow_way_brings(
    make: Make, straight: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same history to 1e-5, dropout included; the saved models are whole and alike."""
    with caplog.at_level(logging.INFO, "imgrec"):
        slow = train(make("data.cache=none"), runs_dir=tmp_path).run
    assert "features:" not in caplog.text
    assert _history(slow).keys() == _history(straight).keys()
    for name, values in _history(slow).items():
        np.testing.assert_allclose(_history(straight)[name], values, rtol=1e-5, atol=1e-5)
    ours, theirs = (weights(run.path / "best.keras") for run in (straight, slow))
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=1e-4, atol=1e-5)


def test_views_are_the_same_ones_where_their_features_are_not_kept(
    make: Make, tmp_path: Path
) -> None:
    """Computed again or kept, repeat r trains on view r modulo K: the same history to 1e-5."""
    views = ["augmentation.brightness_range=[0.1, 2]", "training.feature_views=2"]
    # The loss of a head without tanh depends on every feature.
    head = [
        "model.layers=[GlobalAveragePooling2D]",
        "training.optimizer={SGD: {learning_rate: 1e-4}}",
    ]
    computed, kept = (
        _history(train(make(*views, *head, *cache), runs_dir=tmp_path).run)
        for cache in (["data.cache=none"], [])
    )
    for name, values in computed.items():
        np.testing.assert_allclose(kept[name], values, rtol=1e-5, atol=1e-5)


def test_a_resumed_training_is_the_same_and_computes_nothing(
    make: Make, straight: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After one of three epochs: weights and history bit for bit, features from their file."""
    begun = train(make("training.epochs=1"), runs_dir=tmp_path).run
    caplog.clear()
    with caplog.at_level(logging.INFO, "imgrec"):
        resumed = resume(begun, overrides=["training.epochs=3"]).run
    assert caplog.text.count("reused") == 2
    assert _history(resumed) == _history(straight)
    assert_same_weights(resumed.path / "last.keras", straight.path / "last.keras")


def test_what_is_frozen_is_saved_once(straight: Run) -> None:
    """The checkpoints hold the head alone."""
    backbone, *checkpoints = sorted((straight.path / "state").glob("*.npz"))
    assert backbone.name == "backbone.npz"
    sizes = [path.stat().st_size for path in checkpoints]
    assert len(sizes) == 2
    assert 10 * sum(sizes) < backbone.stat().st_size


def _prepared(experiment: Experiment) -> tuple[Steps, TrainingImages]:
    """The steps of an experiment, and its training images."""
    import keras

    keras.utils.set_random_seed(0)
    split = training_split(prepare(experiment, Silent()))
    return build_steps(experiment, 2, start("cpu"), weights=True), split


def test_views_are_those_of_the_augmenter(make: Make) -> None:
    """Repeat r trains on the features of view r modulo K, each drawn as in repeat 0 to K - 1."""
    experiment = make(
        "augmentation.rotation_range=90", "training.feature_views=2", "training.epochs=5"
    )
    steps, split = _prepared(experiment)
    parts = steps.split()
    assert parts is not None
    augmenter = Augmenter(experiment.augmentation, experiment.seed)  # type: ignore[arg-type]
    cached, _ = with_features(
        input_settings(experiment), steps, (split, None), range(5), Silent(), Signals()
    )
    places = [SampleRef(index, 0) for index in range(len(split.targets))]
    for repeat in range(3):
        batches = batches_in_order(split, 32, augmenter, repeat % 2)
        expected = np.concatenate([np.asarray(parts.extractor(batch.images)) for batch in batches])
        found = cached.read([SampleRef(place.index, repeat) for place in places])
        np.testing.assert_allclose(found, expected, atol=1e-3)
    assert not np.allclose(cached.read([SampleRef(0, 0)]), cached.read([SampleRef(0, 1)]), atol=0.1)
    batches = training_batches(cached, seed=0, start=(0, 0), epochs=1, augmenter=augmenter)
    assert next(batches).images.shape == (8, 256)
    batches.close()


def test_without_room_in_the_cache_features_are_kept_in_memory(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and they are the same."""
    experiment = make()
    nowhere = make("data.cache.limit=0MB", f"data.cache.folder={tmp_path}")
    steps, split = _prepared(experiment)
    with caplog.at_level(logging.INFO, "imgrec"):
        filed, _ = with_features(
            input_settings(experiment), steps, (split, None), range(3), Silent(), Signals()
        )
        kept, _ = with_features(
            input_settings(nowhere), steps, (split, None), range(3), Silent(), Signals()
        )
    assert "kept in memory: no cache in" in caplog.text
    rows = range(len(split.targets))
    np.testing.assert_array_equal(kept.pixels.take(rows), filed.pixels.take(rows))


@pytest.mark.parametrize(
    ("overrides", "epochs", "views"),
    [
        ((), range(3), (0,)),
        ((), range(1), (0,)),
        (("training.steps_per_epoch=1",), range(3), ()),
        (("training.steps_per_epoch=1",), range(3, 7), (0,)),
        (("model.backbone.trainable=true",), range(3), ()),
        (("augmentation.rotation_range=9",), range(3), ()),
        (("augmentation.rotation_range=9", "training.feature_views=5"), range(3), (0, 1, 2)),
        (("augmentation.rotation_range=9", "training.feature_views=5"), range(3, 6), (0, 3, 4)),
        (("data.cache=none",), range(3), ()),
    ],
)
def test_what_is_worth_its_features(
    make: Make, overrides: tuple[str, ...], epochs: range, views: tuple[int, ...]
) -> None:
    """No features of images that are not seen, that differ each time, or whose network learns."""
    experiment = make(*overrides)
    split = training_split(prepare(experiment, Silent()))
    assert feature_views(input_settings(experiment), split, epochs) == views


class _Filling(Silent):
    """A progress that notes how many images a step takes, and then the memory is full."""

    def __init__(self) -> None:
        self.images: list[int] = []

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[_Filling]:
        """Show nothing."""
        yield self

    def advance(self, count: int = 1, note: str = "") -> None:
        """Take a step, and run out of memory."""
        self.images.append(count)
        raise MemoryError


def test_features_that_take_too_much_memory_are_reported(make: Make, tmp_path: Path) -> None:
    """What to lower is named, and it does lower what is computed at once; no file is left."""
    experiment, filling = make("data.batch_size=5", f"data.cache.folder={tmp_path}"), _Filling()
    steps, split = _prepared(experiment)
    with (
        pytest.raises(RunError, match="the memory is too small") as caught,
        explain_out_of_memory(memory_hint(experiment.data)),
    ):
        with_features(
            input_settings(experiment), steps, (split, None), range(3), filling, Signals()
        )
    assert "data.batch_size (5)" in caught.value.hint
    assert filling.images == [5]
    assert {path.suffix for path in tmp_path.iterdir()} == {".lock"}


def test_features_of_one_pooling_are_not_taken_for_those_of_another(make: Make) -> None:
    """Their shape is the same, and so are the weights below them."""
    found = []
    for layer in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        experiment = make(f"model.layers=[{layer}]", "data.image_size=[64, 64]")
        steps, split = _prepared(experiment)
        cached, _ = with_features(
            input_settings(experiment), steps, (split, None), range(3), Silent(), Signals()
        )
        found.append(cached.read([SampleRef(0, 0)]))
    assert found[0].shape == found[1].shape
    assert not np.allclose(found[0], found[1])


def test_features_have_a_file_for_each_thing_they_hang_on(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another shape of them takes no other's file; after an update of SciPy they are computed."""
    cache = f"data.cache.folder={tmp_path}"
    flat = make(cache, "model.layers=[GlobalAveragePooling2D]")
    square = make(cache, "model.layers=[GlobalAveragePooling2D: {keepdims: true}, Flatten]")
    version = importlib.metadata.version

    def compute(experiment: Experiment) -> bool:
        caplog.clear()
        steps, split = _prepared(experiment)
        with caplog.at_level(logging.INFO, "imgrec"):
            with_features(
                input_settings(experiment), steps, (split, None), range(3), Silent(), Signals()
            )
        return "reused" not in caplog.text

    assert [compute(each) for each in (flat, square, flat)] == [True, True, False]
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "0" if name == "scipy" else version(name)
    )
    assert compute(flat)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("model.backbone.trainable=true",), "trainable: false"),
        ((), "needs augmentation"),
        (("augmentation.mixup=0.2",), "can.t be combined with augmentation.mixup"),
    ],
)
def test_views_that_there_are_not(make: Make, overrides: tuple[str, ...], words: str) -> None:
    """feature_views is refused where there is nothing to keep."""
    with pytest.raises(ConfigError, match=words):
        make("training.feature_views=2", *overrides)
