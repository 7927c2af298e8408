"""LiteRT files that are written without TensorFlow compute what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.models.litert import (
    LiteRTWriter,
    read_graph,
    read_head,
    read_known,
    read_litert,
    with_head,
    with_temperature,
)
from imgrec.models.refused_files import RefusedFile
from imgrec.runs.folder import Run
from imgrec.runtime.litert_engine import LiteRTEngine

CLASSES = ("a", "b", "c")
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (3, 4, 6, 3), np.uint8)
MIX, FACTORS = RANDOM.normal(0, 2, (5, 3)), RANDOM.normal(0, 1, 5)
BIAS = RANDOM.normal(0, 1, 5)
KERNEL, ANSWERS = RANDOM.normal(0, 1, (5, 3)), RANDOM.normal(0, 1, 3)


def features() -> bytes:
    """Return a model of convolutions of one pixel, whose results are summed and averaged."""
    model = LiteRTWriter()
    pixels = model.add_constant(
        model.multiply(model.input((4, 6, 3), "pixels"), 1 / 64, "scale"), -2.0, "shift"
    )
    mixed = model.convolution(pixels, MIX[:, None, None], BIAS, 1, "mixed", relu6=True)
    weighed = model.depthwise_convolution(
        mixed, FACTORS[None, None, None], 0 * BIAS, 1, "weighed", relu6=False
    )
    return model.content(model.mean(model.add(mixed, weighed, "sum"), "mean"))


def expected() -> NDArray[np.float64]:
    """Return the probabilities of the model with a head, computed by NumPy."""
    mixed = np.clip((IMAGES / 64 - 2) @ MIX.T + BIAS, 0, 6)
    logits = np.exp((mixed * (1 + FACTORS)).mean(axis=(1, 2)) @ KERNEL + ANSWERS)
    return np.asarray(logits / logits.sum(axis=1, keepdims=True))


def answers(content: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what a file answers."""
    return LiteRTEngine(content, CLASSES, ImageSpec(4, 6, 3)).outputs(images)


def test_operators_and_a_head_compute_what_numpy_does(tmp_path: Path) -> None:
    """For any number of images; the file passes the check of files from elsewhere."""
    path = tmp_path / "model.tflite"
    path.write_bytes(with_head(features(), KERNEL, ANSWERS))
    content = read_litert(path)
    np.testing.assert_allclose(answers(content, IMAGES), expected(), atol=1e-6)
    np.testing.assert_array_equal(answers(content, IMAGES[:1]), answers(content, IMAGES)[:1])
    assert [each.name for each in read_graph(content).operators] == [
        "MUL", "ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED", "SOFTMAX",
    ]  # fmt: skip


@pytest.mark.parametrize(("side", "stride"), [(7, 2), (8, 2), (5, 1)])
def test_a_window_reaches_over_the_border_as_in_keras(side: int, stride: int) -> None:
    """`padding: same`: zeros are added on both sides, one more at the end."""
    model = LiteRTWriter()
    pixels = model.input((side, side, 1), "pixels")
    ones = np.ones((1, 3, 3, 1))
    counted = model.convolution(pixels, ones, np.zeros(1), stride, "counted", relu6=False)
    again = model.depthwise_convolution(pixels, ones, np.zeros(1), stride, "again", relu6=False)
    content = model.content(model.add(counted, again, "sum"))
    found = _run(content, np.ones((1, side, side, 1), np.float32))[0, :, :, 0] / 2
    places = -(-side // stride)
    before = max((places - 1) * stride + 3 - side, 0) // 2
    starts = np.arange(places) * stride - before
    inside = np.minimum(starts + 3, side) - np.maximum(starts, 0)
    np.testing.assert_array_equal(found, np.outer(inside, inside))


def test_constants_are_aligned() -> None:
    """Data start at multiples of 16 bytes, as LiteRT's schema asks."""
    from ai_edge_litert import schema_py_generated as schema

    content = with_head(features(), KERNEL, ANSWERS)
    model = schema.Model.GetRootAs(content)
    data = [model.Buffers(at).DataAsNumpy() for at in range(1, model.BuffersLength())]
    start = np.frombuffer(content, np.uint8).ctypes.data
    assert len(data) == 9
    assert {(each.ctypes.data - start) % 16 for each in data} == {0}


def test_the_signature_names_the_output() -> None:
    """The one of a new file, and the same after a head was appended."""
    for content in (features(), with_head(features(), KERNEL, ANSWERS)):
        interpreter = _interpreter(content)
        run = interpreter.get_signature_runner("serving_default")
        (found,) = run(pixels=IMAGES[:1].astype(np.float32)).values()
        np.testing.assert_array_equal(found, answers(content, IMAGES[:1]))


def test_a_head_is_appended_to_the_file_of_a_run(trained: Run) -> None:
    """One that TensorFlow converted; it still takes any number of images."""
    content = read_litert(trained.path / "model.tflite")
    images = RANDOM.integers(0, 256, (3, 8, 8, 1), np.uint8)
    spec = ImageSpec(8, 8, 1)
    kernel = RANDOM.normal(0, 1, (10, 3))
    answered = LiteRTEngine(content, trained.card.classes, spec).outputs(images)
    logits = np.exp(answered @ kernel + ANSWERS)
    engine = LiteRTEngine(with_head(content, kernel, ANSWERS), CLASSES, spec)
    probabilities = logits / logits.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(engine.outputs(images), probabilities, atol=1e-6)
    np.testing.assert_allclose(engine.outputs(images[:1]), probabilities[:1], atol=1e-6)


def test_a_head_is_read_with_its_temperature() -> None:
    """What was appended, divided by the temperature; a file without a head is refused."""
    content = with_head(features(), KERNEL, ANSWERS)
    scaled = with_temperature(content, read_graph(content).outputs[0], 4.0)
    assert scaled is not None
    for each, factor in ((content, 1.0), (scaled, 0.25)):
        kernel, bias = read_head(each)
        np.testing.assert_allclose(kernel, KERNEL * factor, rtol=1e-6)
        np.testing.assert_allclose(bias, ANSWERS * factor, rtol=1e-6)
    with pytest.raises(RefusedFile, match="does not end with a dense layer and softmax"):
        read_head(features())


def test_a_head_with_an_ood_similarity() -> None:
    """Its last column is the cosine to the nearest of the known features; both are read again."""
    plain = _each(features()).astype(np.float64)
    directions = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    known = directions[:2].astype(np.float32)
    content = with_head(features(), KERNEL, ANSWERS, known=known)
    found = _each(content)
    answers = _each(with_head(features(), KERNEL, ANSWERS))
    np.testing.assert_array_equal(found[:, :3], answers)
    np.testing.assert_allclose(found[:, 3], (directions @ known.T).max(axis=1), atol=1e-6)
    np.testing.assert_array_equal(read_known(content), known)
    np.testing.assert_allclose(read_head(content)[0], KERNEL, rtol=1e-6)
    assert read_known(with_head(features(), KERNEL, ANSWERS)) is None


def test_a_head_that_does_not_fit_is_refused() -> None:
    """The model's output has another number of features."""
    with pytest.raises(RefusedFile, match="its output is 5, not 4 float32 numbers"):
        with_head(features(), KERNEL[:4], ANSWERS)


def _interpreter(content: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=content)


def _each(content: bytes) -> NDArray[np.float32]:
    """Return the output for each of IMAGES."""
    return np.concatenate([_run(content, each[None].astype(np.float32)) for each in IMAGES])


def _run(content: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    interpreter = _interpreter(content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
