"""LiteRT's answers depend on the images alone, which every promise of equal answers relies on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.models.efficientnet_lite import litert_features
from imgrec.models.export import export_model
from imgrec.models.litert import LiteRTWriter, with_head
from imgrec.models.packaged_weights import read_packaged_weights
from imgrec.runtime import litert_engine
from imgrec.runtime.litert_engine import LiteRTEngine
from tests.conftest import needs_weights


def small() -> bytes:
    """Return a network with each kind of operator of the writer, and the OOD similarity."""
    random = np.random.default_rng(0)
    model = LiteRTWriter()
    maps = model.add_constant(
        model.multiply(model.input((48, 48, 3), "pixels"), 1 / 128, "a"), -1, "b"
    )
    for number, (filters, channels, stride) in enumerate(((13, 3, 2), (13, 13, 1), (32, 13, 2))):
        kernel, bias = random.normal(size=(filters, 3, 3, channels)), random.normal(size=filters)
        inner = model.convolution(maps, kernel / 9, bias, stride, f"c{number}", relu6=True)
        depth = random.normal(size=(1, 3, 3, filters))
        inner_too = model.depthwise_convolution(inner, depth, bias, 1, f"d{number}", relu6=False)
        maps = model.add(inner, inner_too, f"e{number}")
    known = random.normal(size=(50, 32)).astype(np.float32)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    head = random.normal(size=(32, 5)), random.normal(size=5)
    return with_head(model.content(model.mean(maps, "mean")), *head, known=known)


def real() -> bytes:
    """Return EfficientNet-Lite0 for small images."""
    return litert_features("EfficientNetLite0", 48, read_packaged_weights("EfficientNetLite0"))


def quantized(folder: Path) -> bytes:
    """Return a network whose weights are int8, and whose activations are quantized as it runs."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 5, strides=2, activation="relu"),
            layers.Conv2D(128, 3, activation="relu"),
            layers.DepthwiseConv2D(3),
            layers.Conv2D(48, 1, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, activation="relu"),
            layers.Dense(32, activation="softmax"),
        ]
    )
    export_model(model, folder / "model.tflite", "litert", "int8")
    return (folder / "model.tflite").read_bytes()


@pytest.mark.parametrize("network", [small, pytest.param(real, marks=needs_weights)])
def test_neither_batches_nor_threads_change_a_bit(network: Callable[[], bytes]) -> None:
    """One image at a time in one thread gives the bits of any batch in any number of threads."""
    _same_bits(network())


@pytest.mark.tensorflow
def test_int8_weights_change_no_bit_either(tmp_path: Path) -> None:
    """The activations of each image are quantized for themselves, not with those beside it."""
    content = quantized(tmp_path)
    from ai_edge_litert.interpreter import Interpreter

    types = [each["dtype"] for each in Interpreter(model_content=content).get_tensor_details()]
    assert types.count(np.int8) == 6  # the weights of each layer: fewer than 1,024 stay float32
    _same_bits(content)


def test_interpreters_side_by_side_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many images are divided between the cores; one at a time gives the same bits."""
    content, spec = small(), ImageSpec(48, 48, 3)
    images = np.random.default_rng(1).integers(0, 256, (37, 48, 48, 3), np.uint8)
    alone = LiteRTEngine(content, ("a",) * 5, spec)
    expected = np.concatenate([alone.outputs(image[None]) for image in images])
    monkeypatch.setattr(litert_engine, "usable_cores", lambda: 3)
    monkeypatch.setattr(litert_engine, "_PIXELS", 2 * 48 * 48)
    engine = LiteRTEngine(content, ("a",) * 5, spec)
    for count in (37, 3, 1):
        np.testing.assert_array_equal(engine.outputs(images[:count]), expected[:count])


def _same_bits(content: bytes) -> None:
    random = np.random.default_rng(1)
    brightness = random.integers(2, 257, (9, 1, 1, 1))  # so that each has a scale of its own
    images = random.integers(0, brightness, (9, 48, 48, 3)).astype(np.float32)
    expected = _outputs(content, images, batch=1, threads=1)
    assert len(np.unique(expected, axis=0)) == len(images)
    for threads in (1, 2, 5):
        for batch in (1, 4, 9):
            found = _outputs(content, images, batch=batch, threads=threads)
            np.testing.assert_array_equal(found, expected, f"{batch=}, {threads=}")


def _outputs(
    content: bytes, images: NDArray[np.float32], *, batch: int, threads: int
) -> NDArray[np.float32]:
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_content=content, num_threads=threads)
    taken, given = (
        each[0]["index"] for each in (model.get_input_details(), model.get_output_details())
    )
    found, shape = [], None
    for start in range(0, len(images), batch):
        part = images[start : start + batch]
        if part.shape != shape:
            model.resize_tensor_input(taken, shape := part.shape)
            model.allocate_tensors()
        model.set_tensor(taken, part)
        model.invoke()
        found.append(model.get_tensor(given))
    return np.concatenate(found)
