"""A stranger's model becomes a run that answers that of the model."""

from __future__ import annotations

import dataclasses
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images import ImageSpec
from imgrec.data.records import Photo
from imgrec.errors import DataError, RunError, UsageError
from imgrec.models.importing import Adaptation
from imgrec.progress import Silent
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineName, EngineOptions, open_engine
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.workflows.explanation import ExplainOptions, open_explainer
from imgrec.workflows.export import export
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from tests.models.hostile import keras_file, layer, litert_file
from tests.workflows.predicting import predict

PICTURES = np.random.default_rng(1).integers(0, 256, (4, 4, 4, 3), np.uint8)
ELEPHANTS = {"African_elephant", "Indian_elephant", "tusker"}


@pytest.mark.slow
def test_photos_are_recognised(shared: Callable[[str], Path], tmp_path: Path) -> None:
    """By the EfficientNet-Lite0 of ImageNet, imported without a word on its pixels.

    Of 29 everyday photos, at least 26 have their name in the top 5. Banana and pizza come first,
    and an elephant is taken for one of the elephants.
    """
    model = shared("weights/efficientnet_lite0_imagenet_top.keras")
    wanted = ImportSpec(model, str(shared("weights/imagenet_class_index.json")))
    photos = sorted(shared("data/photos").glob("*.jpg"))
    imported = import_model(wanted, runs_dir=tmp_path)
    found = predict([str(photo) for photo in photos], model=imported, top=5)
    top = {
        photo.stem: [name for name, _ in each.top]
        for photo, each in zip(photos, found, strict=True)
    }
    named = [stem for stem, names in top.items() if stem in [name.lower() for name in names]]
    assert (len(photos), len(named) >= 26) == (29, True)
    assert (top["banana"][0], top["pizza"][0]) == ("banana", "pizza")
    assert {top["african_elephant"][0], top["indian_elephant"][0]} <= ELEPHANTS
    assert len(imported.card.classes) == len(set(imported.card.classes)) == 1000


@pytest.fixture(scope="module")
def small() -> Any:
    """Return a small Keras model from 4x4 colour pixels of 0 to 255 to two probabilities."""
    import keras

    pixels = keras.Input((4, 4, 3))
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, keras.layers.Dense(2, activation="softmax")(features))


@pytest.fixture
def names(tmp_path: Path) -> str:
    """Return a file of two class names."""
    (tmp_path / "names.txt").write_text("a\nb\n")
    return str(tmp_path / "names.txt")


def answers(run: Run, engine: EngineName = "auto") -> NDArray[np.float32]:
    """Return what a run gives for four pictures."""
    return open_engine(run, EngineOptions(engine=engine)).answers(PICTURES).probabilities


@pytest.fixture(scope="module")
def imported(small: Any, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The small model as a run, imported without a word on its pixels."""
    folder = tmp_path_factory.mktemp("imported")
    small.save(folder / "small.keras")
    (folder / "names.txt").write_text("a\nb\n")
    return import_model(
        ImportSpec(folder / "small.keras", str(folder / "names.txt")), runs_dir=folder / "runs"
    )


def test_the_card_records_where_it_comes_from(imported: Run) -> None:
    """Its file, hash and format; nothing of a training, as nothing is known."""
    card = imported.card
    assert card.origin is not None
    assert Path(card.origin.file).name == "small.keras"
    assert (card.origin.form, card.origin.trusted, len(card.origin.sha256)) == ("keras", False, 64)
    assert (card.complete, card.data, card.fingerprint, card.input.fit) == (True, {}, "", "crop")
    assert card.classes == ("a", "b")


def test_it_gets_the_pixels_as_they_are(imported: Run, small: Any) -> None:
    """From 0 to 255, in both of its files."""
    expected = small.predict_on_batch(PICTURES)
    np.testing.assert_allclose(answers(imported, "keras"), expected, atol=1e-5)
    np.testing.assert_allclose(answers(imported, "litert"), expected, atol=1e-5)


def test_its_fast_file_has_a_certificate(imported: Run) -> None:
    """On random pictures, as it has no images: the same answers within 1e-4."""
    (parity,) = imported.card.export_parity
    assert (parity.file, parity.images, parity.agreement) == ("model.tflite", 32, 1)
    assert parity.difference <= 1e-4
    assert parity.worst.startswith("random picture ")


def converted(model: Any, file: Path, batch: int | None = None) -> Path:
    """Write `model`, for this many images at once, as the LiteRT `file`."""
    import tensorflow as tf

    function = tf.function(model).get_concrete_function(tf.TensorSpec((batch, 4, 4, 3)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())
    file.write_bytes(converter.convert())
    return file


def test_a_legacy_file_needs_trust(tmp_path: Path, small: Any, names: str) -> None:
    """Without it the reason is shown and nothing written; with it the run answers as the model."""
    legacy = tmp_path / "old one.h5"
    small.save(legacy)
    wanted = ImportSpec(legacy, names, Adaptation(rescale=0.5))
    with pytest.raises(RunError, match="can contain Python code") as caught:
        import_model(wanted, runs_dir=tmp_path / "runs")
    assert "--trust" in caught.value.hint
    assert not (tmp_path / "runs").exists()

    run = import_model(dataclasses.replace(wanted, trust=True), runs_dir=tmp_path / "runs")
    assert run.name == "old_one-1"
    assert run.card.origin is not None
    assert (run.card.origin.form, run.card.origin.trusted) == ("h5", True)
    expected = small.predict_on_batch(PICTURES * np.float32(0.5))
    np.testing.assert_allclose(answers(run, "keras"), expected, atol=1e-5)
    np.testing.assert_allclose(answers(run, "litert"), expected, atol=1e-5)


@pytest.mark.parametrize(("by_keras", "rescale"), [(False, None), (True, 0.5)])
def test_a_saved_model_needs_trust_and_becomes_a_litert_file(
    tmp_path: Path, small: Any, names: str, *, by_keras: bool, rescale: float | None
) -> None:
    """With it, the run holds the same model of LiteRT's own operators, whoever saved it."""
    import tensorflow as tf

    if by_keras:
        small.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    else:
        tf.saved_model.save(small, str(tmp_path / "saved"))
    with pytest.raises(RunError, match="a SavedModel is a program"):
        import_model(ImportSpec(tmp_path / "saved", names), runs_dir=tmp_path)
    wanted = ImportSpec(tmp_path / "saved", names, Adaptation(rescale=rescale), trust=True)
    run = import_model(wanted, runs_dir=tmp_path)
    assert run.card.hashes.keys() == {"model.tflite"}
    expected = small.predict_on_batch(PICTURES * np.float32(rescale or 1))
    np.testing.assert_allclose(answers(run), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("signatures", "message"),
    [
        ((), "has no signature serving_default; it has none"),
        (("a", "b"), "has no signature serving_default; it has a, b"),
        (("serving_default",), "the LiteRT file and the SavedModel give different answers"),
    ],
)
def test_a_saved_model_that_can_not_be_converted_is_refused(
    tmp_path: Path, names: str, signatures: tuple[str, ...], message: str
) -> None:
    """Without a signature, or if a call changes the next answer; nothing is written."""
    import tensorflow as tf

    class Counter(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            self.calls = tf.Variable(3.0)

        @tf.function(input_signature=[tf.TensorSpec((None, 4, 4, 3))])  # type: ignore[untyped-decorator]
        def __call__(self, pixels: Any) -> Any:
            logits = tf.stack([self.calls.assign_add(1), 0.0])
            return tf.nn.softmax(tf.repeat(logits[tf.newaxis], tf.shape(pixels)[0], axis=0))

    module = Counter()
    there = {name: module.__call__.get_concrete_function() for name in signatures}
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=there)
    with pytest.raises(RunError, match=message):
        import_model(ImportSpec(tmp_path / "saved", names, trust=True), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("batch", [None, 1])
def test_a_litert_file_stays_as_it_is(
    tmp_path: Path, small: Any, names: str, batch: int | None
) -> None:
    """One for any number of images, and one for a single image, as most that are about."""
    file = converted(small, tmp_path / "given.tflite", batch)
    run = import_model(ImportSpec(file, names), runs_dir=tmp_path)
    assert (run.path / "model.tflite").read_bytes() == file.read_bytes()
    np.testing.assert_allclose(answers(run), small.predict_on_batch(PICTURES), atol=1e-5)
    assert run.card.network is not None
    assert run.card.network.weights == 4 * 4 * 3 * 2  # a bias of zeros is not in the file
    assert run.card.network.layers[-1].shape == small.output_shape[1:]
    with pytest.raises(RunError, match="imported as a LiteRT file: it has no Keras model"):
        answers(run, "keras")
    with pytest.raises(UsageError, match="--rescale: nothing can be added to"):
        import_model(ImportSpec(file, names, Adaptation(rescale=0.5)), runs_dir=tmp_path)


def test_a_background_that_the_model_lacks_is_left_out(
    tmp_path: Path,
    small: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A list of three names fits a model of two outputs, and the log says why."""
    (tmp_path / "names.txt").write_text("0 background\n1 cat\n2 dog\n")
    monkeypatch.setattr(logging.getLogger("imgrec"), "propagate", True)
    with caplog.at_level(logging.INFO, "imgrec"):
        file = converted(small, tmp_path / "given.tflite")
        run = import_model(ImportSpec(file, str(tmp_path / "names.txt")), runs_dir=tmp_path)
    assert run.card.classes == ("cat", "dog")
    assert "names.txt: background was left out: the model has no output for it" in caplog.text


def test_an_imported_litert_file_is_exported_with_its_classes(
    tmp_path: Path, logits: Path, names: str
) -> None:
    """In place of the labels that another tool added; the copy can be imported without options."""
    with zipfile.ZipFile(logits, "a") as archive:
        archive.writestr("labels.txt", "no\nyes\n")
        archive.writestr("note.txt", "made elsewhere")
    wanted = ImportSpec(logits, names, Adaptation(activation="sigmoid"), fit="pad")
    run = import_model(wanted, runs_dir=tmp_path)
    copy = tmp_path / "copy.tflite"
    parity = export(run, output=copy).parity
    assert (parity.agreement, parity.difference, parity.images) == (1, 0, 32)
    with zipfile.ZipFile(copy) as archive:
        assert sorted(archive.namelist()) == ["imgrec.json", "labels.txt", "note.txt"]
        assert archive.read("labels.txt") == b"a\nb\n"
    again = import_model(ImportSpec(copy, name="again"), runs_dir=tmp_path)
    assert (again.card.classes, again.card.input.fit) == (("a", "b"), "pad")
    np.testing.assert_array_equal(answers(again), answers(run))
    for form, precision in (("onnx", "float32"), ("keras", "float32"), ("litert", "int8")):
        with pytest.raises(RunError, match="has only a LiteRT file, which can't be converted to"):
            export(run, form=form, precision=precision, output=tmp_path / "x")


@pytest.mark.parametrize("method", ["occlusion", "windows"])
def test_an_imported_litert_file_is_explained_from_outside(
    tmp_path: Path, logits: Path, names: str, method: Any
) -> None:
    """Methods that only ask the model work; those that look into it name the ones that do."""
    wanted = ImportSpec(logits, names, Adaptation(activation="sigmoid"))
    run = import_model(wanted, runs_dir=tmp_path)
    photo = Photo("picture", PICTURES[0])
    found = open_explainer(run, ExplainOptions(method=method)).explain(photo)
    assert found.named[0].probability == pytest.approx(1 / (1 + np.exp(-0.5)))
    with pytest.raises(RunError, match=r"has no best\.keras, which method='gradcam'") as refused:
        open_explainer(run, ExplainOptions(method="gradcam"))
    assert method in refused.value.hint


def test_photos_show_what_random_images_do_not(tmp_path: Path, names: str) -> None:
    """Here the output is not a probability for pictures of one brightness."""
    import tensorflow as tf

    def output(pixels: Any) -> Any:
        mean = tf.reduce_mean(pixels, axis=(1, 2, 3))[:, None]
        return tf.where(tf.abs(mean - 200) < 1, 2.0, 0.5)

    file, photo = converted(output, tmp_path / "given.tflite"), tmp_path / "photo.png"
    Image.new("RGB", (4, 4), (200, 200, 200)).save(photo)
    assert import_model(ImportSpec(file, names), runs_dir=tmp_path / "runs").name == "given-1"
    with pytest.raises(RunError, match="is not probabilities: it has values from 2 to 2"):
        import_model(ImportSpec(file, names, photos=[str(photo)]), runs_dir=tmp_path / "runs")
    with pytest.raises(DataError, match="none of the photos can be read"):
        import_model(ImportSpec(file, names, photos=["none"]), runs_dir=tmp_path / "runs")
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["given-1"]


def test_the_parity_of_an_import_is_that_on_photos(
    tmp_path: Path, small: Any, names: str, photos: Path
) -> None:
    """If photos are given, the card names the one with the largest difference."""
    small.save(tmp_path / "model.keras")
    wanted = ImportSpec(tmp_path / "model.keras", names, photos=[str(photos)])
    run = import_model(wanted, runs_dir=tmp_path / "runs")
    (parity,) = run.card.export_parity
    assert (parity.images, parity.agreement) == (40, 1)
    assert parity.worst.startswith(str(photos))


def test_a_saved_model_is_compared_on_photos(tmp_path: Path, names: str, photos: Path) -> None:
    """Beside random images, for which this one has an answer; a broken photo is left out."""
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(
        lambda pixels: tf.where(
            tf.abs(tf.reduce_mean(pixels, axis=(1, 2, 3)) - 200) < 1, np.nan, 0.5
        )[:, None],
        input_signature=[tf.TensorSpec((None, 4, 4, 3), tf.float32)],
    )
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=module.serve)
    (photos / "red" / "bad.png").write_bytes(b"none")
    wanted = ImportSpec(tmp_path / "saved", names, photos=[str(photos)], trust=True)
    assert import_model(wanted, runs_dir=tmp_path / "runs").name == "saved-1"
    Image.new("RGB", (4, 4), (200, 200, 200)).save(photos / "red" / "grey.png")
    with pytest.raises(RunError, match="the output of the model is not finite"):
        import_model(wanted, runs_dir=tmp_path / "runs")


def test_a_litert_file_of_foreign_operators_is_refused(tmp_path: Path, names: str) -> None:
    """When it is imported, and in a run that somebody sent."""
    file = litert_file(tmp_path / "model.tflite", operator="FlexReadFile")
    with pytest.raises(
        RunError, match="the operator FlexReadFile, which is not a built-in of LiteRT"
    ):
        import_model(ImportSpec(file, names), runs_dir=tmp_path / "runs")
    with pytest.raises(RunError, match="the operator FlexReadFile"):
        LiteRTEngine(file, ("a", "b"), ImageSpec(4, 4, 3))


@pytest.fixture
def logits(tmp_path: Path) -> Path:
    """Return a LiteRT file of one unit without an activation, near 0.5 for every picture."""
    import keras

    pixels = keras.Input((4, 4, 3))
    bias = keras.initializers.Constant(0.5)
    unit = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer=bias)
    model = keras.Model(pixels, unit(keras.layers.Flatten()(pixels)))
    return converted(model, tmp_path / "logits.tflite")


def test_logits_of_a_litert_file_are_recognised_by_its_last_layer(
    tmp_path: Path, logits: Path, names: str
) -> None:
    """Though they lie between 0 and 1; an activation makes probabilities of them in every run."""
    wanted = ImportSpec(logits, names)
    with pytest.raises(RunError, match="is not probabilities") as refused:
        import_model(wanted, runs_dir=tmp_path / "runs")
    assert "--activation sigmoid" in refused.value.hint
    assert not (tmp_path / "runs").exists()
    wanted = dataclasses.replace(wanted, adaptation=Adaptation(activation="sigmoid"))
    run = import_model(wanted, runs_dir=tmp_path / "runs")
    assert run.card.origin is not None
    assert run.card.origin.activation == "sigmoid"
    np.testing.assert_allclose(answers(run)[:, 1], 1 / (1 + np.exp(-0.5)), atol=1e-6)
    again = import_model(ImportSpec(run.path / "model.tflite"), runs_dir=tmp_path / "runs")
    np.testing.assert_array_equal(answers(again), answers(run))


@pytest.mark.parametrize(
    ("case", "activation"), [("one_logit", "sigmoid"), ("three_logits", "softmax"), ("uint8", None)]
)
def test_litert_files_of_others_answer_with_probabilities(
    shared: Callable[[str], Path], tmp_path: Path, case: str, activation: Any
) -> None:
    """Files without an activation need one; one with whole numbers needs nothing."""
    file, photo = shared(f"cases/{case}.tflite"), str(shared("data/photos/banana.jpg"))
    classes = tmp_path / "names.txt"
    classes.write_text("a\nb\n" if case == "one_logit" else "a\nb\nc\n")
    if activation is not None:
        with pytest.raises(RunError, match="is not probabilities"):
            import_model(ImportSpec(file, str(classes)), runs_dir=tmp_path / "runs")
    wanted = ImportSpec(file, str(classes), Adaptation(activation=activation))
    run = import_model(wanted, runs_dir=tmp_path / "runs")
    (found,) = predict([photo], model=run)
    assert sum(each.probability for each in found.top) == pytest.approx(1, abs=0.01)
    with pytest.raises(UsageError, match="--image-size: nothing can be added to"):
        import_model(
            dataclasses.replace(wanted, adaptation=Adaptation(image_size=(8, 8))),
            runs_dir=tmp_path / "runs",
        )


@pytest.mark.parametrize("layers", [[], [layer("InputLayer", batch_shape=[None, 8, 8, 3])]])
def test_a_model_without_an_input_or_layers_is_refused(
    tmp_path: Path, names: str, layers: list[dict[str, Any]]
) -> None:
    """Keras opens it, and has no shapes for it; nothing is left."""
    config = layer("Sequential", "keras", name="model", layers=layers)
    file = keras_file(tmp_path / "empty.keras", config=config)
    with pytest.raises(RunError, match="the model has 0 inputs; an image classifier has one"):
        import_model(ImportSpec(file, names), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_tensor_name_that_is_not_utf_8_is_refused(tmp_path: Path, small: Any, names: str) -> None:
    """Names in a LiteRT file are bytes of anyone."""
    file = converted(small, tmp_path / "model.tflite")
    from ai_edge_litert.interpreter import Interpreter

    name = Interpreter(str(file)).get_input_details()[0]["name"].encode()
    file.write_bytes(file.read_bytes().replace(name, b"\xff" * len(name)))
    with pytest.raises(RunError, match="a name that is not UTF-8"):
        import_model(ImportSpec(file, names), runs_dir=tmp_path / "runs")


def test_an_import_that_ends_early_leaves_nothing(tmp_path: Path, small: Any, names: str) -> None:
    """Interrupted while its LiteRT file is compared, the run is gone; a name is checked first."""
    small.save(tmp_path / "model.keras")
    wanted = ImportSpec(tmp_path / "model.keras", names, Adaptation(rescale=0.5))
    with pytest.raises(KeyboardInterrupt):
        import_model(wanted, runs_dir=tmp_path / "runs", progress=Interrupting())
    assert not list((tmp_path / "runs").iterdir())
    with pytest.raises(UsageError, match="can't be the name of a run"):
        import_model(dataclasses.replace(wanted, name="../../x"), runs_dir=tmp_path / "runs")


class Interrupting(Silent):
    """A progress during whose first task the user presses Ctrl-C."""

    def task(self, title: str, total: int | None, unit: str = "images") -> NoReturn:
        """Raise KeyboardInterrupt."""
        raise KeyboardInterrupt
