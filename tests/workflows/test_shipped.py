"""Every shipped config loads, builds, trains a step and predicts."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgrec.config import shipped
from imgrec.config.load import load
from imgrec.runs.folder import Run
from imgrec.runtime.model_file import image_spec
from imgrec.workflows.data_argument import data_argument
from imgrec.workflows.evaluation import evaluate
from imgrec.workflows.pack import pack
from imgrec.workflows.run_config import run_config
from imgrec.workflows.training import train
from tests.workflows.predicting import predict
from tests.workflows.smallest import MAX_MEGAPIXELS, NAMES, ONE_STEP, places, random_weights
from tools.pasted import pasted_photos

# The other wants what `imgrec data pack` makes.
FROM_FOLDERS = [name for name in shipped.names() if name != "nasnet_tfrecord"]
BIRD_OR_NOT = "not_bird", "bird"
VGG16_WEIGHTS = "weights/vgg16_imagenet_notop.h5"


def _assert_predicts(run: Run, photos: list[Path]) -> None:
    assert run.card.complete
    tuned = run_config(run.path).training.fine_tune
    assert run.card.epochs == 1 + (tuned.epochs if tuned else 0)
    names = [str(photo) for photo in photos]
    found = predict(names, model=run, top=len(run.card.classes))
    assert [prediction.name for prediction in found] == names
    for prediction in found:
        probabilities = dict(prediction.top)
        assert set(probabilities) == set(run.card.classes)
        if not run.card.multi_label:
            assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_small(name: str, tiny: Path, small_run: Callable[[str], Run]) -> None:
    """On small images, from random weights: a run that answers for two photos."""
    _assert_predicts(small_run(name), sorted((tiny / "validation").glob("*/0.jpg")))
    assert image_spec(small_run(name).card).max_megapixels == MAX_MEGAPIXELS


def test_several_labels_from_a_pack(shared: Callable[[str], Path], tmp_path: Path) -> None:
    """The config for TFRecord files on real photos pasted together, with a network in small."""
    kinds = {
        "cat": sorted(shared("data/cats_dogs/validation/cats").glob("*"))[:20],
        "bird": sorted(shared("data/birds/test/bird").glob("*"))[:20],
        "dog": sorted(shared("data/cats_dogs/validation/dogs").glob("*"))[:20],
    }
    table = pasted_photos(tmp_path / "pasted", kinds, 40, side=48)
    naming = "data.label_map={1: cat, 2: bird, 3: dog}"
    source = data_argument("nasnet_tfrecord", [naming, f"data.root={json.dumps(str(table))}"])
    packed = pack(source, tmp_path / "packed", shards=3)
    assert packed.manifest.label_map == {"1": "cat", "2": "bird", "3": "dog"}
    small = ["model.backbone=null", "model.layers=[Conv2D: {filters: 4, kernel_size: 3}, Flatten]"]
    small += ["data.image_size=[32, 32]", "data.batch_size=8", "preprocessing={rescale: 1/255}"]
    experiment = load("nasnet_tfrecord", [naming, *packed.overrides, *small, *ONE_STEP])
    run = train(experiment, runs_dir=tmp_path / "runs").run
    assert (run.card.multi_label, run.card.classes) == (True, ("cat", "bird", "dog"))
    evaluation = evaluate(run).evaluation
    assert evaluation.classes == run.card.classes
    _assert_predicts(run, sorted((tmp_path / "pasted").glob("*.jpg"))[:3])


def test_bird_from_a_pickle(shared: Callable[[str], Path], tmp_path: Path) -> None:
    """As its tutorial ships it: four arrays, floats of 0 to 1, one-hot; the test part is judged."""
    arrays: list[NDArray[Any]] = []
    for part, count in (("train", 40), ("test", 20)):
        kinds = [sorted(shared(f"data/birds/{part}/{name}").glob("*")) for name in BIRD_OR_NOT]
        files = [file for kind in kinds for file in kind[:count]]
        pixels = np.stack([np.asarray(Image.open(file)) for file in files])
        arrays += [pixels / np.float32(255), np.repeat(np.eye(2), count, axis=0)]
    path = tmp_path / "full_dataset.pkl"
    path.write_bytes(pickle.dumps(tuple(arrays)))
    run = train(load("bird", [f"data.root={path}", *ONE_STEP]), runs_dir=tmp_path / "runs").run
    evaluation = evaluate(run).evaluation
    assert (evaluation.images, run.card.data["test"].images) == (40, 40)
    _assert_predicts(run, sorted(shared("data/birds/test/bird").glob("*"))[:2])


@pytest.mark.slow
@pytest.mark.parametrize("name", FROM_FOLDERS)
def test_full(name: str, shared: Callable[[str], Path], tmp_path: Path) -> None:
    """As it is shipped, on photos of cats and dogs where it wants a folder."""
    photos = shared("data/cats_dogs")
    overrides = [*ONE_STEP, *places(name, photos)]
    if name.startswith("vgg16"):
        weights = json.dumps(str(shared(VGG16_WEIGHTS)))
        overrides += [each.replace("null", weights) for each in random_weights(name)]
    else:  # the weights of others would have to be fetched
        overrides += random_weights(name)
    if load(name).training.feature_views is not None:  # of 2,000 photos, for a single step
        overrides.append("training.feature_views=null")
    some = sorted((photos / "validation").glob("*/*"))[::100]
    _assert_predicts(train(load(name, overrides), runs_dir=tmp_path).run, some)
