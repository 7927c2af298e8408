"""Predicting answers for every photo, with the run's own numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.data.images import ImageSpec, decode
from imgrec.errors import UsageError
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineOptions
from imgrec.workflows.prediction import open_models
from tests.workflows.predicting import predict


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Three grey pictures of different sizes."""
    random = np.random.default_rng(0)
    paths = []
    for size in (8, 20, 33):
        path = tmp_path / f"{size}.png"
        Image.fromarray(random.integers(0, 256, (size, size), np.uint8)).save(path)
        paths.append(str(path))
    return paths


def test_the_probabilities_are_those_of_the_keras_file(trained: Run, pictures: list[str]) -> None:
    """`keras.models.load_model` on best.keras, fed with the same pixels, says the same."""
    import keras

    model = keras.models.load_model(trained.path / "best.keras")
    spec = ImageSpec(8, 8, 1)
    pixels = np.stack([decode(Path(path), spec) for path in pictures]).astype(np.float32)
    expected = model.predict(pixels, verbose=0)
    for row, prediction in zip(expected, predict(pictures, model=trained, top=10), strict=True):
        found = dict(prediction.top)
        np.testing.assert_allclose([found[name] for name in "0123456789"], row, atol=1e-4)


def test_top_is_sorted_and_as_long_as_asked(trained: Run, pictures: list[str]) -> None:
    """The most probable classes first; never more than there are."""
    (prediction,) = predict(pictures[:1], model=trained, top=3)
    probabilities = [ranked.probability for ranked in prediction.top]
    assert len(probabilities) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    (whole,) = predict(pictures[:1], model=trained, top=99)
    assert len(whole.top) == 10


def test_a_bad_photo_is_named_and_the_others_are_answered(
    trained: Run, pictures: list[str], tmp_path: Path
) -> None:
    """The order is that of the command line, also with a photo named twice."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    asked = [pictures[0], "missing.jpg", pictures[1], str(broken), pictures[0]]
    found = predict(asked, model=trained)
    assert [prediction.name for prediction in found] == asked
    assert [prediction.error is None for prediction in found] == [True, False, True, False, True]


def test_a_folder_without_files_is_reported(
    trained: Run, pictures: list[str], tmp_path: Path
) -> None:
    """It is named in its place, and the others are answered."""
    (tmp_path / "none").mkdir()
    asked = [pictures[0], str(tmp_path / "none"), "https://example.org/a.png?x=1"]
    found = predict(asked, model=trained)
    assert [prediction.name for prediction in found] == asked
    assert [prediction.error for prediction in found] == [
        None,
        "a folder without images",
        "an address, not a file: download it first",
    ]


def test_an_unknown_pretrained_name_is_reported() -> None:
    """The hint lists the known names."""
    with pytest.raises(UsageError, match="VGG61") as caught:
        predict(["x.jpg"], model="VGG61")
    assert "VGG16" in caught.value.hint


@pytest.mark.parametrize(
    "options", [EngineOptions(engine="litert"), EngineOptions(precision="int8")]
)
def test_a_classifier_of_keras_has_no_litert_file(options: EngineOptions) -> None:
    """It is not replaced by Keras silently."""
    with pytest.raises(UsageError, match="MobileNetV2 only runs in Keras, not with"):
        open_models(["MobileNetV2"], options)


_SAVE_WEIGHTS = """
import os, pathlib, h5py, keras
from keras.src.legacy.saving import legacy_h5_format
models = pathlib.Path(os.environ["KERAS_HOME"]) / "models"
name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
with h5py.File(models / name, "w") as file:
    network = keras.applications.MobileNetV2(weights=None)
    legacy_h5_format.save_weights_to_hdf5_group(file, network)
"""


@pytest.mark.slow
def test_a_pretrained_classifier_is_used_from_keras_cache(
    shared: Callable[[str], Path], tmp_path: Path
) -> None:
    """With the files that Keras would fetch in its cache, the whole process answers offline.

    The weights are random ones in Keras' own layout, so only the way is shown, not the name.
    """
    models = tmp_path / "keras" / "models"
    models.mkdir(parents=True)
    script = tmp_path / "weights.py"
    script.write_text(_SAVE_WEIGHTS)
    environment = {"KERAS_HOME": str(tmp_path / "keras"), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, script], check=True, env=environment, cwd=tmp_path)
    photo = shared("data/photos") / "banana.jpg"
    command = ["-m", "imgrec", "predict", str(photo), "--pretrained", "MobileNetV2", "--json"]
    done = subprocess.run(
        [sys.executable, *command],
        check=True,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
    )
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert len(prediction["top"]) == 5
