"""The layers of a LiteRT file, and what they make of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.layer_walk import LayerView, LayerWalk
from imgrec.explanation.layers import LayeredNetwork
from imgrec.explanation.stages import Stage, chosen_for_view, layer_name
from imgrec.explanation.unit_patches import OwnPhotos
from imgrec.models.export import export_model
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.runtime.litert_values import LiteRTValues
from tests.explanation.made import network

SIZE = (25, 31)
SPEC = ImageSpec(*SIZE, 3)
CLASSES = ("cat", "dog", "owl")
NONE = OwnPhotos((), np.zeros((0, *SIZE, 3), np.uint8), 0, "there are none")


@pytest.fixture(scope="module")
def keras_model() -> Any:
    """A network with strides, padding, dilation, a sum, squeeze-excitation, and a dense layer."""
    from keras import Model, layers

    first = network(
        layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="stem"),
        layers.BatchNormalization(name="norm"),
        layers.MaxPooling2D(2, name="pool"),
        size=(*SIZE, 3),
    )
    pool = first.output
    middle = layers.ZeroPadding2D(((2, 0), (1, 1)), name="pad")(pool)
    middle = layers.DepthwiseConv2D(3, name="depth")(middle)
    middle = layers.Conv2D(6, (2, 1), dilation_rate=2, padding="same", name="dilated")(middle)
    total = layers.Add(name="added")([pool, middle])
    last = layers.Conv2D(5, 3, activation="relu", name="last")(total)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(last)
    gate = layers.Conv2D(5, 1, activation="sigmoid", name="excite")(gate)
    row = layers.Flatten(name="row")(layers.Multiply(name="gated")([last, gate]))
    return Model(first.input, layers.Dense(3, activation="softmax", name="answer")(row))


@pytest.fixture(scope="module")
def engine(keras_model: Any, tmp_path_factory: pytest.TempPathFactory) -> LiteRTEngine:
    """That network as a LiteRT file."""
    path = tmp_path_factory.mktemp("layers") / "model.tflite"
    export_model(keras_model, path, "litert")
    return LiteRTEngine(path, CLASSES, SPEC)


def picture(seed: int) -> NDArray[np.uint8]:
    """Return a picture of noise."""
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def followed(engine: LiteRTEngine, layer: str, photos: OwnPhotos = NONE, **more: Any) -> LayerWalk:
    """Return the walk of `picture(0)` with a closer look at a layer."""
    found = LayeredNetwork(engine, lambda _: photos)
    names = [each.name for each in found.stages]
    answers = engine.answers(picture(0)[np.newaxis]).probabilities[0]
    ranked = [Ranked(name, float(each)) for name, each in zip(CLASSES, answers, strict=True)]
    return found.walk(picture(0), ranked, names.index(layer), **more)


def view(walk: LayerWalk, name: str) -> LayerView:
    """Return the view of a layer."""
    return next(each for each in walk.views if each.stage.name == name)


def test_the_stages_are_the_layers_that_compute(engine: LiteRTEngine) -> None:
    """Activations belong to their layer; a branch that only weighs maps is left out."""
    stages = LayeredNetwork(engine, lambda _: NONE).stages
    assert [(each.name, each.kind, each.shape) for each in stages] == [
        ("stem", "convolution", (13, 16, 6)),
        ("pool", "max pooling", (6, 8, 6)),
        ("depth", "depthwise convolution", (6, 8, 6)),
        ("dilated", "convolution", (6, 8, 6)),
        ("added", "sum", (6, 8, 6)),
        ("last", "convolution", (4, 6, 5)),
        ("row", "flatten", (120,)),
        ("answer", "dense", (3,)),
    ]
    assert [each.name for each in stages if each.relu] == ["stem", "last"]
    assert stages[0].weights == 3 * 3 * 3 * 6 + 6
    assert stages[0].multiply_adds == 13 * 16 * 6 * 3 * 3 * 3


@pytest.mark.parametrize("name", ["stem", "pool", "depth", "dilated", "added"])
def test_a_number_depends_on_its_receptive_field_alone(engine: LiteRTEngine, name: str) -> None:
    """Pixels outside of it change nothing; those on each of its edges can."""
    stage = next(
        each for each in LayeredNetwork(engine, lambda _: NONE).stages if each.name == name
    )
    assert stage.reach is not None
    values, place = LiteRTValues(engine), (4, 4)

    def numbers(pixels: NDArray[np.uint8]) -> list[float]:
        return [*map(float, values.of(pixels, [stage.output])[0][place])]

    left, top, right, bottom = map(int, stage.reach.area(*place))
    assert (min(top, left) >= 0, bottom <= SIZE[0], right <= SIZE[1]) == (True, True, True)
    base, other = picture(1), picture(2)
    outside = other.copy()
    outside[top:bottom, left:right] = base[top:bottom, left:right]
    assert numbers(outside) == numbers(base)
    for edge in (np.s_[top], np.s_[bottom - 1], np.s_[:, left], np.s_[:, right - 1]):
        changed = [base.copy() for _ in range(8)]
        for seed, each in enumerate(changed):
            each[edge] = picture(seed)[edge]
        assert any(numbers(each) != numbers(base) for each in changed)


def test_the_maps_are_what_keras_computes(engine: LiteRTEngine, keras_model: Any) -> None:
    """Those of the units with the largest numbers, largest first."""
    from keras import Model

    stem = view(followed(engine, "last"), "stem")
    inner = Model(keras_model.input, keras_model.get_layer("norm").output)
    expected = inner.predict(picture(0)[np.newaxis].astype(np.float32), verbose=0)[0]
    for each in stem.maps:
        np.testing.assert_allclose(each.values, expected[..., each.unit], rtol=1e-4, atol=1e-2)
    inside = expected[1:-1, 1:-1].max(axis=(0, 1))  # the others see padding
    largest = [each.largest for each in stem.maps]
    assert largest == sorted(largest, reverse=True)
    assert largest == pytest.approx([inside[each.unit] for each in stem.maps], rel=1e-4)


def test_the_filters_are_the_weights(engine: LiteRTEngine, keras_model: Any) -> None:
    """A weight of 0 is grey, the largest of a filter white or black; colours are in their order."""
    filters = view(followed(engine, "last"), "stem").filters
    assert filters is not None
    kernel = keras_model.get_layer("stem").get_weights()[0].transpose(3, 0, 1, 2)
    largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    # The normalization that follows is part of the file's weights; it scales each filter.
    np.testing.assert_allclose(filters.pixels, 127.5 * (1 + kernel / largest), atol=0.6)


def test_what_a_pooling_keeps(engine: LiteRTEngine) -> None:
    """Of each window the largest number, and that one is marked."""
    pool = view(followed(engine, "last"), "pool")
    assert pool.same_units
    kept = pool.kept
    assert kept is not None
    assert (kept.window, kept.before.shape, kept.after.shape) == ((2, 2), (4, 4), (2, 2))
    marked = [value for row in kept.rows for value, is_kept in row if is_kept]
    assert sorted(marked) == sorted(kept.after.ravel().tolist())
    blocks = kept.before.reshape(2, 2, 2, 2).max(axis=(1, 3))
    np.testing.assert_array_equal(blocks, kept.after)


def test_patches_excite_a_unit_most(engine: LiteRTEngine) -> None:
    """Of each photo that excites it, the part that does so; the strongest first."""
    photos = np.stack([picture(seed) for seed in range(12)])
    names = tuple(f"{seed}.png" for seed in range(12))
    own = OwnPhotos(names, photos, 500)
    unit = followed(engine, "pool", own, unit=4).unit
    assert unit is not None
    assert (unit.unit, unit.photos, unit.total) == (4, 12, 500)
    stage = next(
        each for each in LayeredNetwork(engine, lambda _: own).stages if each.name == "pool"
    )
    assert stage.reach is not None
    values = LiteRTValues(engine)
    strongest = {}
    for name, pixels in zip(names, photos, strict=True):
        numbers = values.of(pixels, [stage.output])[0][..., 4]
        areas = {place: stage.reach.area(*place) for place in np.ndindex(numbers.shape)}
        inside = {
            place: float(numbers[place])
            for place, (left, top, right, bottom) in areas.items()
            if min(left, top) >= 0 and right <= SIZE[1] and bottom <= SIZE[0]
        }
        place = max(inside, key=lambda each: inside[each])
        strongest[name] = inside[place], areas[place], pixels
    excited = [name for name in names if strongest[name][0] > 0]
    expected = sorted(excited, key=lambda name: -strongest[name][0])[:9]
    assert len(expected) > 2
    assert [each.photo for each in unit.patches] == expected
    for each in unit.patches:
        value, (left, top, right, bottom), pixels = strongest[each.photo]
        assert each.value == pytest.approx(value, rel=1e-3)
        part = pixels[int(top) : int(bottom), int(left) : int(right)]
        np.testing.assert_array_equal(each.pixels, part)


def test_a_vector_has_its_photos_too(engine: LiteRTEngine) -> None:
    """A number that sees everything is excited by whole photos."""
    photos = np.stack([picture(seed) for seed in range(3)])
    walk = followed(engine, "answer", OwnPhotos(("a", "b", "c"), photos, 3))
    assert walk.unit is not None
    assert walk.unit.own.pixels.shape == (*SIZE, 3)
    row = view(walk, "row")
    assert row.vector is not None
    assert row.vector.shape == (120,)
    assert row.maps == ()


def test_the_last_numbers_become_the_probabilities(engine: LiteRTEngine) -> None:
    """Their softmax is the model's answer."""
    walk = followed(engine, "last")
    assert walk.activation == "softmax"
    numbers = np.array([each.number for each in walk.final], float)
    powers = np.exp(numbers - numbers.max())
    found = [each.probability for each in walk.final]
    assert found == pytest.approx(powers / powers.sum(), abs=1e-5)
    assert found == sorted(found, reverse=True)


def test_numbers_that_are_too_large(tmp_path: Path) -> None:
    """A layer that computes them is refused by its name, even if the answer is finite."""
    from keras import layers

    huge = network(
        layers.Conv2D(2, 3, kernel_initializer="ones", name="fine"),
        layers.Conv2D(2, 3, name="huge"),
        layers.MaxPooling2D(2, name="pool"),
        layers.ReLU(6, name="limited"),
        layers.Flatten(name="row"),
        layers.Dense(3, activation="softmax", name="answer"),
        size=(*SIZE, 3),
    )
    kernel, bias = huge.get_layer("huge").get_weights()
    huge.get_layer("huge").set_weights([np.full_like(kernel, 3e38), bias])
    export_model(huge, tmp_path / "model.tflite", "litert")
    engine = LiteRTEngine(tmp_path / "model.tflite", CLASSES, SPEC)
    assert np.isfinite(engine.answers(picture(0)[np.newaxis]).probabilities).all()
    with pytest.raises(RunError, match="layer huge computes NaN, or numbers of 1e"):
        followed(engine, "answer")


def test_maps_that_are_padded_with_minus_infinity(tmp_path: Path) -> None:
    """As before a max pooling in PyTorch; no layer computes that number."""
    from keras import Model, layers, ops

    before = network(layers.Conv2D(2, 2, name="conv"), size=(*SIZE, 3))
    padded = ops.pad(before.output, ((0, 0), (1, 2), (1, 2), (0, 0)), constant_values=-np.inf)
    pool = layers.MaxPooling2D(3, name="pool")(padded)
    answer = layers.Dense(3, activation="softmax", name="answer")(layers.Flatten()(pool))
    export_model(Model(before.input, answer), tmp_path / "model.tflite", "litert")
    walk = followed(LiteRTEngine(tmp_path / "model.tflite", CLASSES, SPEC), "pool")
    assert np.isfinite(view(walk, "pool").maps[0].values).all()


def test_of_a_deep_network_the_last_maps_of_each_size_are_shown() -> None:
    """With the first, and the one that is looked at more closely."""
    sizes = [16] * 10 + [8] * 10 + [4] * 10
    stages = [
        Stage(str(number), "convolution", 0, 0, (1, 1, 1), (side, side, 3), ())
        for number, side in enumerate(sizes)
    ]
    stages.append(Stage("dense", "dense", 0, 0, (48,), (3,), ()))
    assert [*chosen_for_view(stages, 24, 12)] == [0, 9, 12, 19, 29, 30]
    assert [*chosen_for_view(stages, 30, None)] == [*range(31)]


@pytest.mark.parametrize(
    ("tensor", "name"),
    [
        ("imgrec_1/conv2d_4_1/Relu;imgrec_1/conv2d_4_1/BiasAdd", "conv2d_4"),
        ("m_1/re_lu_1/Relu;m_1/norm_1/batchnorm/add_1;m_1/conv_1/convolution;m_1/n", "conv"),
        ("imgrec_1/a_BN_1/batchnorm/mul_1", "a_BN"),
        ("imgrec_1/vgg16_1/block1_pool_1/MaxPool2d", "block1_pool"),
        ("model/conv2d/Relu;model/conv2d/BiasAdd;model/conv2d/Conv2D", "conv2d"),
        ("StatefulPartitionedCall:0", "StatefulPartitionedCall:0"),
        ("", ""),
    ],
)
def test_tensors_have_the_names_of_layers(tensor: str, name: str) -> None:
    """As Keras 3 and Keras 2 export them; other names are left alone."""
    assert layer_name(tensor) == name
