"""A photo on its way through the networks of runs as they are trained."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from PIL import Image

from imgrec.api import load
from imgrec.data.images import decode
from imgrec.data.records import Photo
from imgrec.errors import RunError, UsageError
from imgrec.explanation.layer_walk import LayerWalk
from imgrec.progress import Silent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineOptions
from imgrec.workflows.explanation import ExplainOptions, WrittenFiles, open_explainer
from imgrec.workflows.explanation.files import explain_photos, plan_outputs
from tests.workflows.smallest import NAMES

LAYERS = ExplainOptions(method="layers")


def walked(run: Run, photo: Photo, options: ExplainOptions = LAYERS) -> LayerWalk:
    """Return the walk of a photo through a run's network."""
    walk = open_explainer(run, options).explain(photo).walk
    assert walk is not None
    return walk


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_network_has_its_layers(
    small_run: Callable[[str], Run], photo: Photo, name: str
) -> None:
    """With different names, numbers in every map, and the probabilities of `predict`."""
    run = small_run(name)
    walk = walked(run, photo)
    names = [view.stage.name for view in walk.views]
    assert names[-1] == "probabilities"
    assert len({*names}) == len(names)
    assert all(np.isfinite(each.values).all() for view in walk.views for each in view.maps)
    assert any(view.maps for view in walk.views)
    (predicted,) = load(run.path).predict(photo.source, top=1)  # type: ignore[arg-type]
    assert walk.final[0].class_name == predicted.top[0].class_name
    assert walk.final[0].probability == predicted.top[0].probability


def test_the_names_are_the_config_s(small_run: Callable[[str], Run], photo: Photo) -> None:
    """VGG16's, as the config writes them, in order."""
    names = [view.stage.name for view in walked(small_run("vgg16"), photo).views]
    blocks = [
        *(f"block1_{each}" for each in ("conv1", "conv2", "pool")),
        *(f"block2_{each}" for each in ("conv1", "conv2", "pool")),
        *(f"block{n}_{e}" for n in (3, 4, 5) for e in ("conv1", "conv2", "conv3", "pool")),
    ]
    assert names[: len(blocks)] == blocks
    assert names[-3:] == ["fc1", "fc2", "probabilities"]


def test_colours_are_red_green_and_blue(small_run: Callable[[str], Run], photo: Photo) -> None:
    """VGG16 takes them in the other order; its filters are shown in the usual one."""
    import keras

    run = small_run("bird_plus")
    filters = walked(run, photo).views[0].filters
    assert filters is not None
    model = keras.models.load_model(run.path / "best.keras")
    backbone = next(each for each in model.layers if hasattr(each, "layers"))
    kernel = backbone.get_layer("block1_conv1").get_weights()[0].transpose(3, 0, 1, 2)[..., ::-1]
    scale = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(filters.pixels, 127.5 * (1 + kernel / scale), atol=0.6)


def test_the_patches_are_of_training_photos(
    small_run: Callable[[str], Run], tiny: Path, photo: Photo
) -> None:
    """Each is a part of the photo that it names, as the model takes it."""
    run = small_run("cat_dog")
    explainer = open_explainer(run, LAYERS)
    walk = explainer.explain(photo).walk
    assert walk is not None
    assert walk.unit is not None
    assert (walk.unit.photos, walk.unit.total, walk.unit.missing) == (16, 16, "")
    values = [each.value for each in walk.unit.patches]
    assert values == sorted(values, reverse=True)
    height, width = walk.unit.own.pixels.shape[:2]
    for each in walk.unit.patches:
        assert each.pixels.shape == (height, width, 3)
        name = each.photo.removeprefix("train/")
        whole = decode(tiny / "train" / name, explainer.engine.spec)
        windows = np.lib.stride_tricks.sliding_window_view(whole, (height, width, 3))
        assert (windows[:, :, 0] == each.pixels).all(axis=(2, 3, 4)).any()


@pytest.fixture
def elsewhere(small_run: Callable[[str], Run], tmp_path: Path) -> Callable[[Path], Run]:
    """Return a function from a folder to a copy of `cat_dog` that was trained on what is there."""

    def moved(root: Path) -> Run:
        run = small_run("cat_dog")
        path = shutil.copytree(run.path, tmp_path / "moved")
        there = structs.replace(run.card.data["train"], absolute=str(root))
        return Run(path, structs.replace(run.card, data={"train": there}))

    return moved


def test_photos_that_are_gone_or_changed_are_left_out(
    elsewhere: Callable[[Path], Run], tiny: Path, photo: Photo, tmp_path: Path
) -> None:
    """Only what the training saw is compared; it is said how many, or why there are none."""
    root = tmp_path / "photos"
    shutil.copytree(tiny / "train", root)
    (root / "cat" / "0.jpg").unlink()
    (root / "dog" / "1.jpg").write_bytes((root / "dog" / "2.jpg").read_bytes())
    run = elsewhere(root)
    unit = walked(run, photo).unit
    assert unit is not None
    assert (unit.photos, unit.total) == (14, 16)
    shutil.rmtree(root)
    unit = walked(run, photo).unit
    assert unit is not None
    assert (unit.photos, unit.patches) == (0, ())
    assert unit.missing == f"none of its training images is in {root} any more, as it was"


def test_embedded_images_are_no_files(trained: Run, photo: Photo) -> None:
    """The maps are there, the patches are not, and the page says why."""
    (found,) = load(trained.path).explain(str(photo.source), method="layers")
    assert "its training images are not files" in found.page()


def test_the_files_of_a_photo(trained: Run, photo: Photo, tmp_path: Path) -> None:
    """A picture and a page that loads nothing, both with every layer."""
    explainer = open_explainer(trained, LAYERS)
    outputs = plan_outputs([photo], WrittenFiles(tmp_path / "out"), LAYERS)
    (done,) = explain_photos(outputs, explainer, Silent())
    assert {path.name for path in done.files.values()} == {"noise.layers.png", "noise.layers.html"}
    page = done.files["page"].read_text("utf-8")
    assert done.layers is not None
    assert page.count('<h2 id="layer-') == len(done.layers)
    assert {each[:5] for each in re.findall(r'(?:src|href)="([^"#]+)', page)} == {"data:"}
    with Image.open(done.files["layers"]) as picture:
        assert picture.format == "PNG"


def test_a_notebook_shows_the_picture(trained: Run, photo: Photo) -> None:
    """As of the other explanations; the page can be had too, of this method alone."""
    (found,) = load(trained.path).explain(str(photo.source), method="layers")
    assert found.picture().width == 1200
    assert found.page().startswith("<!DOCTYPE html>")
    (other,) = load(trained.path).explain(str(photo.source), method="occlusion")
    with pytest.raises(ValueError, match="the method has no layers"):
        other.page()


def test_a_unit_that_is_asked_for(small_run: Callable[[str], Run], photo: Photo) -> None:
    """Its map comes first, and its patches are shown."""
    layer = walked(small_run("cat_dog"), photo).views[2].stage.name
    options = dataclasses.replace(LAYERS, layer=layer, unit=5)
    walk = walked(small_run("cat_dog"), photo, options)
    assert walk.unit is not None
    assert (walk.views[walk.unit.layer].stage.name, walk.unit.unit) == (layer, 5)
    assert walk.views[walk.unit.layer].maps[0].unit == 5


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (
            {"layer": "block4_conv"},
            "no such layer; did you mean block4_conv",
            "it has block1_conv1",
        ),
        ({"layer": "fc2", "unit": 700}, "unit=700: fc2 has 128 units", "use 0 to 127"),
        ({"class_name": "cat"}, "class_name: layers follows the photo", "layer=NAME chooses"),
        (
            {"method": "occlusion", "layer": "fc2"},
            "layer: occlusion has no choice of layer or unit",
            "method='layers'",
        ),
        ({"method": "dense", "unit": 1}, "unit: dense has no choice", "method='layers'"),
    ],
)
def test_what_layers_can_t_be_asked(
    small_run: Callable[[str], Run], options: dict[str, object], message: str, hint: str
) -> None:
    """It is wrong usage, and the message says what there is."""
    asked = dataclasses.replace(LAYERS, **options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message) as caught:
        open_explainer(small_run("vgg16"), asked)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("engine", [EngineOptions(engine="keras"), EngineOptions(device="gpu")])
def test_layers_look_into_the_litert_file(trained: Run, engine: EngineOptions) -> None:
    """Another engine is wrong usage; without the file, the hint is to write it."""
    with pytest.raises(UsageError, match="looks into the model's LiteRT file"):
        open_explainer(trained, LAYERS, engine)


def test_a_run_without_its_litert_file(trained: Run, tmp_path: Path) -> None:
    """It can be exported."""
    run = Run(shutil.copytree(trained.path, tmp_path / "run"), trained.card)
    (run.path / "model.tflite").unlink()
    with pytest.raises(RunError, match=r"has no model\.tflite") as caught:
        open_explainer(run, LAYERS)
    assert "imgrec export" in (caught.value.hint or "")


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_other_precisions_have_the_same_layers(
    small_run: Callable[[str], Run], photo: Photo, precision: str
) -> None:
    """And about the same numbers and filters."""
    run = small_run("cat_dog")
    engine = EngineOptions(precision=precision)  # type: ignore[arg-type]
    walk = open_explainer(run, LAYERS, engine).explain(photo).walk
    expected = walked(run, photo)
    assert walk is not None
    assert [each.stage.shape for each in walk.views] == [
        each.stage.shape for each in expected.views
    ]
    filters, others = walk.views[0].filters, expected.views[0].filters
    assert filters is not None
    assert others is not None
    np.testing.assert_allclose(filters.pixels, others.pixels, atol=2)
    assert walk.views[0].maps[0].unit == expected.views[0].maps[0].unit
