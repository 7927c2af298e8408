"""LiteRT files as other tools write them: quantised, of a fixed batch, with several outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.scores import ONE_LABEL, Decision
from tests.models.hostile import add_litert_operator, litert_file, litert_model, litert_tensor

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning"),
]

CLASSES = ("red", "green", "blue")
SPEC = ImageSpec(8, 8, 3)
INDEPENDENT = Decision(class_thresholds=(0.5,) * 3)


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return noise of many degrees of brightness, each mostly of one colour."""
    random = np.random.default_rng(seed)
    colours = random.integers(0, 206, (count, 1, 1, 3), np.uint8)
    noise = random.integers(0, 50, (count, 8, 8, 3), np.uint8)
    return np.asarray(colours + noise)


def classifier(ending: str | None, *, rescaled: bool = True) -> Any:
    """Return a Keras model that says which colour a picture has."""
    import keras

    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 3))
    scaled = keras.layers.Rescaling(1 / 255)(pixels) if rescaled else pixels
    features = keras.layers.Conv2D(8, 3, activation="relu")(scaled)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(pixels, keras.layers.Dense(3, activation=ending)(pooled))


@dataclass
class Converter:
    """Writes models to LiteRT files in a folder."""

    folder: Path

    def __call__(
        self,
        function: Callable[..., Any],
        *,
        batch: int | None = None,
        integers: str = "",
        scale: Callable[[NDArray[Any]], NDArray[Any]] = lambda pixels: pixels,
    ) -> Path:
        """Return the file of a model that takes what `scale` makes of pixels.

        With `integers`, input and output have that type, weights a scale for each channel.
        """
        import tensorflow as tf

        pixels = tf.TensorSpec((batch, 8, 8, 3), tf.float32)
        concrete = tf.function(function, input_signature=[pixels]).get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
        if integers:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.as_dtype(integers)

            def examples() -> Iterator[list[NDArray[np.float32]]]:
                for number in range(100):
                    yield [scale(pictures(batch or 1, number + 2).astype(np.float32))]

            converter.representative_dataset = examples
        path = self.folder / f"model-{len(list(self.folder.iterdir()))}.tflite"
        path.write_bytes(converter.convert())
        return path


@pytest.fixture
def convert(tmp_path: Path) -> Converter:
    """Return what writes models to LiteRT files."""
    return Converter(tmp_path)


def answers(
    path: Path, images: NDArray[np.uint8], decision: Decision = ONE_LABEL, **options: Any
) -> NDArray[np.float32]:
    """Return the probabilities in a file."""
    return LiteRTEngine(path, CLASSES, SPEC, decision, **options).answers(images).probabilities


def minus_one_to_one(pixels: Any) -> Any:
    """Return what many a model was trained with."""
    return pixels / 127.5 - 1


def zero_to_one(pixels: Any) -> Any:
    """Return what many another model was trained with."""
    return pixels / 255


@pytest.mark.parametrize("scale", [None, minus_one_to_one, zero_to_one])
@pytest.mark.parametrize("integers", ["uint8", "int8"])
def test_a_quantised_file_has_the_answers_of_the_float_model(
    convert: Converter, integers: str, scale: Callable[[Any], Any] | None
) -> None:
    """Its own scale and zero point say what pixels and outputs are, whatever it learned from."""
    model = classifier("softmax", rescaled=scale is None)
    path = convert(model, integers=integers, scale=scale or (lambda pixels: pixels))
    images = pictures(20)
    expected = model.predict_on_batch((scale or np.float32)(images.astype(np.float32)))
    found = answers(path, images)
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert np.ptp(expected) > 0.1
    assert found.shape == (20, 3)


def test_a_model_without_output_is_refused(tmp_path: Path) -> None:
    """Neither its signature nor its graph has one."""
    model = litert_model()
    model.subgraphs[0].outputs = model.signatureDefs[0].outputs = []
    with pytest.raises(RunError, match="the model has 0 outputs"):
        LiteRTEngine(litert_file(tmp_path / "x.tflite", model), CLASSES, SPEC, ONE_LABEL)


def test_a_scalar_is_not_the_likely_output(tmp_path: Path) -> None:
    """Of several outputs, the one with a number for each class is proposed."""
    model = litert_model()
    rank = litert_tensor("rank", [], kind=2)
    model.subgraphs[0].tensors.append(rank)
    add_litert_operator(model, "RANK", [6], [7])
    model.subgraphs[0].outputs, model.signatureDefs = [7, 6], []
    with pytest.raises(RunError, match=r"2 outputs: rank \(\), probabilities") as several:
        LiteRTEngine(litert_file(tmp_path / "x.tflite", model), CLASSES[:2], SPEC, ONE_LABEL)
    assert "--output-name probabilities" in str(several.value.hint)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_takes_any_number_of_images(convert: Converter, batch: int) -> None:
    """Four at a time, the last ones filled up, have the answers of the model."""
    model = classifier("softmax")
    path = convert(model, batch=batch)
    images = pictures(11)
    for count in (11, 1, 4, 8):
        expected = model.predict_on_batch(images[:count].astype(np.float32))
        np.testing.assert_allclose(answers(path, images[:count]), expected, atol=1e-5)


def test_one_of_several_outputs_is_named(tmp_path: Path) -> None:
    """By its name in the signature or that of the tensor; without it, all of them are listed."""
    import keras
    import tensorflow as tf

    model, saved, path = classifier("softmax"), tmp_path / "saved", tmp_path / "model.tflite"
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve",
        lambda pixels: {"features": pixels[:, 0, 0, :2], "probabilities": model(pixels)},
        [keras.InputSpec("float32", (None, 8, 8, 3))],
    )
    archive.write_out(saved, verbose=False)
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())
    images = pictures(5)
    expected = model.predict_on_batch(images.astype(np.float32))
    for name in ("probabilities", "StatefulPartitionedCall_1:1"):
        found = answers(path, images, output_name=name)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    several = r"2 outputs: features \(any x 2\), probabilities \(any x 3\)"
    with pytest.raises(RunError, match=several) as unnamed:
        answers(path, images)
    assert "--output-name probabilities" in str(unnamed.value.hint)
    with pytest.raises(RunError, match="no output scores") as unknown:
        answers(path, images, output_name="scores")
    assert "probabilities (any x 3)" in str(unknown.value.hint)


@pytest.mark.parametrize(
    ("activation", "decision"), [("softmax", ONE_LABEL), ("sigmoid", INDEPENDENT)]
)
@pytest.mark.parametrize("integers", ["", "int8"])
def test_an_activation_makes_probabilities_of_logits(
    convert: Converter, activation: Any, decision: Decision, integers: str
) -> None:
    """As the Keras layer does; without it, an output that is not a probability is refused."""
    import keras

    model = classifier(None)
    path, images = convert(model, integers=integers), pictures(8)
    logits = model.predict_on_batch(images.astype(np.float32))
    expected = np.asarray(getattr(keras.activations, activation)(logits))
    found = answers(path, images, decision, activation=activation)
    np.testing.assert_allclose(found, expected, atol=0.1 if integers else 1e-5)
    with pytest.raises(RunError, match="the output of the model is not probabilities") as refused:
        answers(path, images, decision)
    assert f"--activation {activation}" in str(refused.value.hint)


def test_independent_probabilities_of_one_label_are_refused(convert: Converter) -> None:
    """They would be shown as if they were shares of one whole."""
    path, images = convert(classifier("sigmoid")), pictures(8)
    with pytest.raises(RunError, match="do not sum to 1") as refused:
        answers(path, images)
    assert "--multi-label" in str(refused.value.hint)
    assert answers(path, images, INDEPENDENT).shape == (8, 3)


def test_other_numbers_than_pixels_are_refused(convert: Converter) -> None:
    """Whole numbers without a scale say nothing."""
    import tensorflow as tf

    model = classifier("softmax")
    path = convert(lambda pixels: tf.cast(100 * model(pixels), tf.int32))
    with pytest.raises(RunError, match="the model gives int32"):
        answers(path, pictures(1))
