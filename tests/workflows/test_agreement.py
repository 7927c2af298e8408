"""Same pixels, same numbers: every way to an answer gives the one of plain Keras."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgrec.config.load import load
from imgrec.data.images import decode
from imgrec.data.images.files import content_of
from imgrec.data.records import Record
from imgrec.evaluation.export_parity import LIMITS, compare_outputs
from imgrec.models.export import FORMATS
from imgrec.progress import Silent
from imgrec.runs.folder import Run
from imgrec.runtime.exported import open_exported
from imgrec.runtime.model_file import decision_of, image_spec
from imgrec.runtime.score import score
from imgrec.scores import Scores
from imgrec.workflows.evaluation import ImageChoice, evaluate
from imgrec.workflows.evaluation.evaluation_data import choose_images
from imgrec.workflows.export import SUFFIXES, export
from imgrec.workflows.run_config import run_config
from imgrec.workflows.training import train
from tests.workflows.predicting import predict
from tests.workflows.smallest import (
    EVERY_PRECISION,
    NAMES,
    ONE_STEP,
    places,
    random_weights,
    smallest,
)

Shared = Callable[[str], Path]
# The shipped configs of folders and digits whose networks train in minutes; of the others,
# `test_small` takes the whole depth and width too.
NARROW = ["bird", "cat_dog", "cat_dog_plus", "mnist", "mnist_plus", "small_cnn", "vgg16_transfer"]


def _by_keras(run: Run, records: Sequence[Record]) -> Scores:
    """What Keras alone, without anything of imgrec around it, says of the pixels."""
    import keras

    model = keras.models.load_model(run.path / "best.keras")
    pixels = [decode(record.source, image_spec(run.card)) for record in records]
    output = model.predict(np.stack(pixels).astype(np.float32), verbose=0)
    if output.shape[1] == 1:  # one sigmoid unit: the second of two classes
        output = np.concatenate([1 - output, output], axis=1)
    names = tuple(record.name for record in records)
    return Scores(names, None, output, run.card.classes, decision=decision_of(run.card))


def _by_predict(run: Run, records: Sequence[Record], folder: Path) -> NDArray[np.float32]:
    photos = [_photo(record, folder / f"{index}.png") for index, record in enumerate(records)]
    found = predict(photos, model=run, top=len(run.card.classes))
    rows = [dict(prediction.top) for prediction in found]
    return np.array([[row[name] for name in run.card.classes] for row in rows], np.float32)


def _photo(record: Record, otherwise: Path) -> str:
    """Return the file of a record; pixels without a file are written to `otherwise`."""
    if isinstance(record.source, Path):
        return str(record.source)
    found = content_of(record.source)
    if isinstance(found, bytes):
        otherwise.write_bytes(found)
    else:
        Image.fromarray(np.asarray(found).squeeze()).save(otherwise)
    return str(otherwise)


def _assert_alike(model: Scores, answers: NDArray[np.float32], precision: str = "float32") -> None:
    limits = LIMITS[precision]
    found = compare_outputs(model, replace(model, probabilities=answers), limits.near_tie)
    assert found.violation(limits) == ""


def _assert_one_answer(run: Run, folder: Path, forms: Sequence[str]) -> None:
    records = choose_images(run, ImageChoice()).records
    keras = _by_keras(run, records)
    # Were all the answers one, any file would agree.
    assert np.ptp(keras.probabilities, axis=0).max() > 1e-3
    _assert_alike(keras, _by_predict(run, records, folder))
    evaluated = evaluate(run).scores
    assert evaluated.names == keras.names
    _assert_alike(keras, evaluated.probabilities)
    files = [(run.path / each.file, "litert", each.precision) for each in run.card.export_parity]
    assert [precision for _, _, precision in files] == run_config(run.path).training.export
    for form in forms:
        path = folder / f"exported{SUFFIXES[form]}"
        files.append((export(run, form=form, output=path).path, form, "float32"))
    for file, form, precision in files:
        spec, decision = image_spec(run.card), decision_of(run.card)
        engine = open_exported(file, form, run.card.classes, spec, decision)
        found = score(engine, records, labelled=False, bad_images="error", progress=Silent())
        _assert_alike(keras, found.probabilities, precision)


@pytest.mark.parametrize("name", NAMES)
def test_small(name: str, small_run: Callable[[str], Run], tmp_path: Path) -> None:
    """Every shipped config, small: each way and each LiteRT file; for two of them, all formats."""
    forms = FORMATS if name in {"bird", "cat_dog"} else ()
    _assert_one_answer(small_run(name), tmp_path, forms)


@pytest.mark.slow
def test_a_fine_tuned_backbone_in_fewer_bits(tiny: Path, tmp_path: Path) -> None:
    """VGG16, small, with all that it learns in the second phase."""
    run = train(smallest("bird_plus", tiny, [EVERY_PRECISION]), runs_dir=tmp_path / "runs").run
    _assert_one_answer(run, tmp_path, ())


@pytest.mark.slow
@pytest.mark.parametrize("name", NARROW)
def test_on_real_photos(name: str, shared: Shared, tmp_path: Path) -> None:
    """As shipped, after an epoch on real photos, or the digits: all formats, on all images."""
    overrides = [*places(name, shared("data/cats_dogs")), "training.epochs=1", EVERY_PRECISION]
    if name == "vgg16_transfer":
        weights = shared("weights/vgg16_imagenet_notop.h5")
        overrides.append(f"model.backbone.weights={json.dumps(str(weights))}")
    run = train(load(name, overrides), runs_dir=tmp_path / "runs").run
    assert len(choose_images(run, ImageChoice()).records) >= 200
    _assert_one_answer(run, tmp_path, FORMATS)


@pytest.mark.slow
def test_vgg16_in_full(shared: Shared, tmp_path: Path) -> None:
    """All of its 134 million weights after a step, on a dozen photos; ONNX takes more memory."""
    for kind in ("cats", "dogs"):
        home = tmp_path / "photos" / kind
        home.mkdir(parents=True)
        for photo in sorted(shared(f"data/cats_dogs/train/{kind}").glob("*.jpg"))[:12]:
            shutil.copy(photo, home)
    place = f"data.root={json.dumps(str(tmp_path / 'photos'))}"
    found = [place, "data.split={validation: 0.5}", *random_weights("vgg16"), EVERY_PRECISION]
    experiment = load("vgg16", [*found, *ONE_STEP, "data.batch_size=4"])
    run = train(experiment, runs_dir=tmp_path / "runs").run
    _assert_one_answer(run, tmp_path, [form for form in FORMATS if form != "onnx"])
