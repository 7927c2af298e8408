"""Where in a picture, by runs as they are trained."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from PIL import ExifTags, Image

from imgrec.api import load
from imgrec.config.keras.layers import GlobalAveragePooling2D
from imgrec.config.load import load as load_config
from imgrec.data.images import ImageSpec
from imgrec.data.records import Photo
from imgrec.errors import BadImage, RunError, UsageError
from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.values import (
    Area,
    Detection,
    ExplainedPhoto,
    ExplanationQuery,
    ViewedRegion,
)
from imgrec.progress import Silent
from imgrec.report.documents import photo_explanation
from imgrec.runs.card import Threshold
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineOptions
from imgrec.runtime.exported import FunctionEngine
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.scores import ONE_LABEL, Decision
from imgrec.workflows.explanation import (
    Explainer,
    ExplainOptions,
    Method,
    WrittenFiles,
    open_explainer,
)
from imgrec.workflows.explanation.explainer import INSIDE
from imgrec.workflows.explanation.files import explain_photos, plan_outputs
from imgrec.workflows.prediction import open_models
from tests.conftest import needs_weights
from tests.explanation.made import SIDE, SPEC, network, spotted
from tests.workflows.smallest import NAMES

METHODS: tuple[Method, ...] = ("gradcam", "occlusion", "windows", "dense")


@pytest.fixture
def exported(trained: Run, tmp_path: Path) -> Run:
    """A copy of the digits' run without its Keras model."""
    run = Run(shutil.copytree(trained.path, tmp_path / "exported"), trained.card)
    (run.path / "best.keras").unlink()
    return run


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_network_can_be_looked_into(
    small_run: Callable[[str], Run], photo: Photo, name: str
) -> None:
    """Grad-CAM and dense give a map of numbers for each, nested backbones included."""
    run = small_run(name)
    for method in INSIDE:
        found = open_explainer(run, ExplainOptions(method=method)).explain(photo)
        assert found.heat.values.size > (1 if method == "dense" else 0)
        assert np.isfinite(found.heat.values).all()
        assert 0 <= found.heat.values.min() <= found.heat.values.max() <= 1
        pooled = GlobalAveragePooling2D() in load_config(name).model.layers
        larger = found.view.size != (run.card.input.width, run.card.input.height)
        assert larger == (pooled or method == "dense")
    assert found.segments is not None
    assert found.segments.probabilities.shape[-1] == len(run.card.classes)


@pytest.mark.parametrize("method", METHODS)
def test_a_photo_of_a_turned_camera(
    trained: Run, photo: Photo, tmp_path: Path, method: Method
) -> None:
    """It is explained as it stands upright: places are those of the photo that never was turned."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    with Image.open(str(photo.source)) as upright:
        upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    explainer = open_explainer(trained, ExplainOptions(method=method))
    turned = explainer.explain(Photo("turned.png", tmp_path / "turned.png"))
    expected = explainer.explain(photo)
    assert turned.picture.image.size == expected.picture.image.size
    assert (turned.named, turned.found) == (expected.named, expected.found)
    np.testing.assert_array_equal(turned.heat.values, expected.heat.values)


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_unknown_has_no_box(trained: Run, photo: Photo, method: Method) -> None:
    """The heat map is of the most probable class; one that is asked for has its boxes."""
    found = open_explainer(trained, ExplainOptions(threshold=1, method=method)).explain(photo)
    assert (found.known, found.found) == (False, ())
    asked = open_explainer(
        trained, ExplainOptions(found.class_name, threshold=1, method=method)
    ).explain(photo)
    assert bool(asked.found) == bool(found.heat.values.any())


def test_an_engine_is_asked_by_a_method_that_it_can_use(trained: Run, photo: Photo) -> None:
    """With --engine litert and no method, occlusion shows where."""
    explainer = open_explainer(trained, engine_options=EngineOptions(engine="litert"))
    assert explainer.method == "occlusion"
    assert explainer.explain(photo).heat.values.max() == 1


@pytest.mark.parametrize("method", METHODS)
def test_a_colour_photo_for_a_grey_model(trained: Run, photo: Photo, method: Method) -> None:
    """It is read as the model takes it, and reported in the photo's own pixels."""
    found = open_explainer(trained, ExplainOptions(method=method)).explain(photo)
    assert found.picture.image.size == (300, 200)
    assert found.heat.over((300, 200), (30, 20)).shape == (20, 30)
    for each in found.found:
        assert each.area.shared(found.picture.whole) > 0


@pytest.mark.parametrize("method", ["gradcam", "windows"])
def test_a_grey_photo_for_a_colour_model(small_run: Callable[[str], Run], method: Method) -> None:
    """It is read as colour, as in `predict`."""
    source = np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)
    asking = ExplainOptions(windows=10 if method == "windows" else None)
    explainer = open_explainer(small_run("cat_dog"), dataclasses.replace(asking, method=method))
    assert explainer.explain(Photo("grey", source)).picture.image.mode == "RGB"


def test_a_tiny_hot_place_has_its_box() -> None:
    """Where there is no larger one: what the heat map shows is not nothing."""
    from keras import layers

    chain = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones"), layers.Flatten()
    model = network(*chain, layers.Dense(2, kernel_initializer="ones", activation="softmax"))
    kernel = np.zeros((SIDE * SIDE, 2), np.float32)
    kernel[:, 1] = 1
    model.layers[-1].set_weights([kernel, np.zeros(2)])
    engine = KerasEngine(model, ("none", "some"), SPEC)
    image = spotted(Area(20, 4, 22, 6))
    found = Explainer("made", "gradcam", engine, ONE_LABEL).explain(Photo("tiny", image)).found
    assert [each.area.overlap(Area(20, 4, 22, 6)) > 0.5 for each in found] == [True]


def test_a_pixel_s_box_is_a_pixel() -> None:
    """In JSON a box never has a width or height of 0, however small the picture."""
    places = [Detection("0", 0.5, Area(*place)) for place in ((0.6, 0, 1, 2), (0, 0, 0.4, 2))]
    explained = ExplainedPhoto("tiny", named=(Ranked("0", 0.5),), size=(1, 2), found=tuple(places))
    boxes = photo_explanation(explained, ExplanationQuery("made", "windows"))["boxes"]
    assert [(each["left"], each["right"]) for each in boxes] == [(0, 1), (0, 1)]


def test_the_class_that_is_asked_for(trained: Run, photo: Photo) -> None:
    """It is explained, whatever is more probable; one that there is not is named."""
    found = open_explainer(trained, ExplainOptions("7", method="occlusion")).explain(photo)
    assert found.class_name == "7"
    other = open_explainer(trained, ExplainOptions("7", threshold=0, method="windows")).explain(
        photo
    )
    assert {each.class_name for each in other.found} == {"7"}
    with pytest.raises(
        UsageError, match="class_name='seven': the model has no such class"
    ) as caught:
        open_explainer(trained, ExplainOptions("seven", method="occlusion"))
    assert caught.value.hint == "it has 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"


@pytest.mark.parametrize("method", ["gradcam", "occlusion", "windows", "dense"])
def test_several_classes_are_explained_as_one(trained: Run, photo: Photo, method: Method) -> None:
    """By any method; the probability is the sum of theirs."""
    options = ExplainOptions("low", threshold=0, method=method, names={"low": "0,1,2,3,4"})
    found = open_explainer(trained, options).explain(photo)
    single = [
        open_explainer(trained, ExplainOptions(name, method="occlusion")).explain(photo)
        for name in "01234"
    ]
    assert found.class_name == "low"
    assert found.probability == pytest.approx(sum(each.probability for each in single), abs=1e-5)
    assert {each.class_name for each in found.found} <= {"low"}
    if method == "dense":
        assert found.shares is not None
        assert found.shares.keys() <= {"low", "5", "6", "7", "8", "9"}


def test_layers_shows_the_model_s_own_classes(trained: Run) -> None:
    """It follows the numbers of the network, which has no merged ones."""
    options = ExplainOptions(method="layers", names={"low": "0,1"})
    with pytest.raises(UsageError, match="map: layers follows the photo"):
        open_explainer(trained, options)


def test_the_nearest_class_is_named(small_run: Callable[[str], Run]) -> None:
    """A misspelt class is reported with the nearest one."""
    with pytest.raises(UsageError, match="no such class; did you mean cat"):
        open_explainer(small_run("cat_dog"), ExplainOptions("cats", method="occlusion"))


def test_the_runs_unknown_is_background(trained: Run, photo: Photo) -> None:
    """What doesn't reach the card's threshold is not found; --threshold takes its place."""
    limit = Threshold(1.1, "precision 1", "validation", 10, 0.0, 1.0)
    strict = Run(trained.path, structs.replace(trained.card, threshold=limit))
    for method in ("windows", "dense"):
        explained = open_explainer(strict, ExplainOptions(method=method)).explain(photo)
        assert (explained.known, explained.found) == (False, ())
        assert (
            open_explainer(strict, ExplainOptions(threshold=0.0, method=method))
            .explain(photo)
            .found
        )


def test_an_answer_that_is_not_a_number_is_refused(photo: Photo) -> None:
    """As predict and evaluate refuse it, rather than to explain the first class."""
    engine = FunctionEngine(
        lambda images: np.full((len(images), 2), np.nan, np.float32), ("a", "b"), ImageSpec(8, 8, 1)
    )
    with pytest.raises(RunError, match="not finite for 1 of 1 image"):
        Explainer("broken", "occlusion", engine, ONE_LABEL).explain(photo)


def test_a_threshold_is_the_only_limit_as_in_predict(trained: Run) -> None:
    """It takes the place of the limit of the OOD similarity, too."""
    limit = Threshold(0.0, "precision 1", "validation", 10, 0.0, 1.0, ood_similarity=0.9)
    strict = Run(trained.path, structs.replace(trained.card, threshold=limit))
    explainer = open_explainer(strict, ExplainOptions(threshold=0.25, method="occlusion"))
    (member,) = open_models([strict]).with_options(top=1, threshold=0.25).members
    assert explainer.decision == member.decision == Decision(min_probability=0.25)


def test_without_keras_a_model_is_only_asked(
    exported: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """Occlusion takes gradcam's place, which is logged; methods that need layers are refused."""
    with caplog.at_level(logging.INFO, "imgrec"):
        assert open_explainer(exported).method == "occlusion"
    assert "exported: no Keras model, or no TensorFlow: using occlusion" in caplog.messages
    for method in INSIDE:
        needs = f"no best.keras, which method='{method}' needs"
        with pytest.raises(RunError, match=needs) as caught:
            open_explainer(exported, ExplainOptions(method=method))
        assert "method='occlusion'" in caught.value.hint


@needs_weights
@pytest.mark.parametrize("method", ["occlusion", "layers"])
def test_an_imagenet_classifier_explains_like_a_run(photo: Photo, method: Method) -> None:
    """In LiteRT; `layers` says why there are no patches of training images."""
    predictor = open_models(["EfficientNetLite0"]).with_options(top=1)
    ((predicted,),) = predictor.predictions([photo], total=1, progress=Silent())
    explainer = open_explainer("EfficientNetLite0", ExplainOptions(method=method))
    found = explainer.explain(photo)
    assert explainer.query.model == "EfficientNetLite0"
    assert isinstance(explainer.engine, LiteRTEngine)
    assert found.named == predicted.top
    if found.walk is not None and found.walk.unit is not None:
        assert found.walk.unit.missing == "those of ImageNet don't come with the classifier"


def test_a_classifier_without_a_litert_file_has_no_layers() -> None:
    """It is refused before weights are downloaded."""
    with pytest.raises(UsageError, match="and MobileNetV2 has none") as caught:
        open_explainer("MobileNetV2", ExplainOptions(method="layers"))
    assert "EfficientNetLite0" in caught.value.hint


def test_gradcam_looks_closer_than_predict(
    small_run: Callable[[str], Run], photo: Photo, tmp_path: Path
) -> None:
    """At all of a photo and finer, where the network pools globally; the answer is predict's."""
    run = small_run("bird_plus")
    side, (predicted,) = run.card.input.width, load(run.path).predict(tmp_path / "noise.png", top=1)
    whole = open_explainer(run, ExplainOptions(method="gradcam")).explain(photo)
    seen = open_explainer(run, ExplainOptions(as_seen=True, method="gradcam")).explain(photo)
    assert (whole.view.area, seen.view) == (
        Area(0, 0, 300, 200),
        ViewedRegion(seen.picture.seen, (side,) * 2),
    )
    assert whole.view.size is not None
    assert min(whole.view.size) == 2 * side
    assert whole.heat.values.size > seen.heat.values.size
    for each in (whole, seen):
        assert each.class_name == predicted.label
        assert each.probability == pytest.approx(predicted.top[0].probability)


def test_as_seen_is_for_what_can_look_otherwise(trained: Run) -> None:
    """Windows and dense never look at what the model is shown: wrong usage."""
    with pytest.raises(UsageError, match="as_seen: dense looks at all of a photo"):
        open_explainer(trained, ExplainOptions(as_seen=True, method="dense"))


def test_photos_with_the_same_name_are_told_apart(tmp_path: Path) -> None:
    """By suffix, by folder, and at last by number; no name is that of another photo."""
    names = ["a/cat.jpg", "b/cat.jpg", "b/cat-2.jpg", "c/dog.jpg", "c/dog.png", "c/dog.png", "e"]
    photos = [Photo(name, Path(name)) for name in names]
    outputs = plan_outputs(photos, WrittenFiles(tmp_path), ExplainOptions(method="occlusion"))
    assert [each.files["heat"].name.removesuffix(".occlusion.png") for each in outputs] == [
        "a-cat.jpg", "b-cat.jpg", "cat-2", "dog.jpg", "c-dog.png", "c-dog.png-2", "e",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "name"), [("occlusion", "occlusion"), ("gradcam", "gradcam-as-seen")]
)
def test_a_photo_as_seen_by_occlusion_has_the_usual_name(
    photo: Photo, tmp_path: Path, method: Method, name: str
) -> None:
    """It never sees more."""
    (place,) = plan_outputs(
        [photo], WrittenFiles(tmp_path), ExplainOptions(as_seen=True, method=method)
    )
    assert place.files["heat"].name == f"noise.{name}.png"


@pytest.mark.parametrize(
    ("asking", "message"),
    [
        ({"method": "occlusion", "windows": 50}, "windows: occlusion uses no windows"),
        ({"method": "windows", "windows": 0}, "windows is 0; it must be at least 1"),
        ({"method": "saliency"}, "there is no method saliency"),
        ({"threshold": 7}, "threshold is 7; it must be between 0 and 1"),
    ],
)
def test_what_a_method_cant_be_asked(trained: Run, asking: dict[str, Any], message: str) -> None:
    """It is refused, not left out."""
    with pytest.raises(UsageError, match=message):
        load(trained.path).explain("noise.png", **asking)


@pytest.mark.parametrize("computing", [EngineOptions("litert"), EngineOptions(precision="int8")])
def test_an_engine_that_a_method_cant_use(trained: Run, computing: EngineOptions) -> None:
    """It is wrong usage, and said before a model is opened."""
    with pytest.raises(UsageError, match="method='gradcam' looks into the Keras model"):
        open_explainer(trained, ExplainOptions(method="gradcam"), engine_options=computing)


def test_a_photo_that_is_too_small_has_an_error(trained: Run, tmp_path: Path) -> None:
    """The others are explained, and no file is left of the one that is not."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 20), np.uint8)
    photos = [
        Photo("tiny", noise[:3, :3]),
        Photo("gone", BadImage("gone", "no such file")),
        Photo("fine", noise),
        Photo("elsewhere/Fine.png", noise),
    ]
    options = ExplainOptions(windows=5, method="windows")
    explainer = open_explainer(trained, options)
    written = WrittenFiles(tmp_path / "out", boxes=True)
    done = list(explain_photos(plan_outputs(photos, written, options), explainer, Silent()))
    assert [each.error for each in done] == [
        "3x3 pixels, smaller than the smallest window (4x4)",
        "no such file",
        None,
        None,
    ]
    stems = ["fine.windows", "Fine.png.windows"]
    expected = {f"{stem}{suffix}" for stem in stems for suffix in (".png", ".boxes.png", ".json")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected
    with pytest.raises(UsageError, match=r"fine\.windows\.png already exists"):
        plan_outputs(photos, written, options)


def test_a_photo_has_all_of_its_files_or_none(trained: Run, photo: Photo, tmp_path: Path) -> None:
    """Where the last can't be written, the others don't stay, and the command can be run again."""
    options = ExplainOptions(method="occlusion")
    places = plan_outputs([photo], WrittenFiles(tmp_path / "out", boxes=True), options)
    places[0].files["json"].mkdir(parents=True)
    with pytest.raises(RunError, match="json"):
        list(explain_photos(places, open_explainer(trained, options), Silent()))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["noise.occlusion.json"]
