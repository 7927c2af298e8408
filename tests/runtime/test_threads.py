"""Threads that share a model get the answers that one thread gets."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgrec
from imgrec.data.records import Photo
from imgrec.evaluation.prediction import Prediction
from imgrec.progress import Silent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineName, EngineOptions
from imgrec.workflows.explanation import Method
from imgrec.workflows.prediction import Predictor, open_models

THREADS = 8
# Together 40 photos. Another size of a batch makes LiteRT allocate its tensors again.
BATCHES = (1, 17, 2, 20)
TIMES = 50


def predictions(predictor: Predictor, photos: Sequence[Photo]) -> list[Prediction]:
    """Return the predictions for some photos."""
    batches = predictor.predictions(photos, total=len(photos), progress=Silent())
    return [*itertools.chain.from_iterable(batches)]


@pytest.mark.parametrize(
    ("engine", "models"), [("litert", 1), ("keras", 1), ("litert", 2), ("keras", 2)]
)
def test_threads_that_share_a_model_get_the_answers_of_one(
    trained: Run, tmp_path: Path, engine: EngineName, models: int
) -> None:
    """All of 2,000 predictions in 8 threads, of an engine and of an ensemble, to the last bit."""
    copies = (shutil.copytree(trained.path, tmp_path / f"copy-{each}") for each in range(1, models))
    runs = [trained, *(Run(copy, trained.card) for copy in copies)]
    predictor = open_models(runs, EngineOptions(engine)).with_options(top=10)
    pixels = np.random.default_rng(0).integers(0, 256, (sum(BATCHES), 8, 8, 1), np.uint8)
    photos = iter([Photo(str(number), each) for number, each in enumerate(pixels)])
    parts = [[*itertools.islice(photos, size)] for size in BATCHES]
    alone = [predictions(predictor, part) for part in parts]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda part: predictions(predictor, part), parts * TIMES))
    assert sum(map(len, found)) == 2_000
    assert found == alone * TIMES


def test_an_image_that_threads_share_is_loaded_once(trained: Run, tmp_path: Path) -> None:
    """Pillow opens a file lazily, and the threads of a single call decode the same image too."""
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(path)
    predictor = open_models([trained]).with_options(top=10)
    (expected,) = predictions(predictor, [Photo("noise", path)])
    for _ in range(20):
        with Image.open(path) as image:
            assert set(predictions(predictor, [Photo("noise", image)] * 32)) == {expected}


@pytest.mark.parametrize("method", ["gradcam", "dense", "occlusion", "windows", "layers"])
def test_threads_that_explain_get_the_answers_of_one(trained: Run, method: Method) -> None:
    """Each call opens the model, and loads Keras files that print."""
    model, pixels = imgrec.load(trained.path), np.zeros((16, 16), np.uint8)
    pixels[2:8, 3:5] = 200

    def heat(_: object = None) -> bytes:
        (found,) = model.explain(pixels, method=method)
        assert found.heat is not None
        return found.heat.tobytes() + found.picture().tobytes()

    alone, stdout = heat(), sys.stdout
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(heat, range(8))) == {alone}
    assert sys.stdout is stdout


def test_threads_that_evaluate_get_the_numbers_of_one(trained: Run) -> None:
    """They read the same images, and bring them into the same cache."""
    model = imgrec.load(trained.path)
    alone = model.evaluate().metrics
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: model.evaluate().metrics, range(4))
    assert all(each == alone for each in found)
