"""The first layers of a run's model, as a backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.errors import SettingError
from imgrec.models.run_network import run_network


def _nested() -> Any:
    """A model whose layers are in a sequence within a model, and twice of the same name."""
    import keras
    from keras import layers

    inner_pixels = keras.Input((None, None, 3))
    sequence = keras.Sequential([layers.Conv2D(4, 3, name="shared"), layers.ReLU()], name="first")
    normalized = layers.Normalization(name="learned")
    normalized.adapt(np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 3)))
    tensor = sequence(normalized(inner_pixels))
    tensor = layers.Add(name="sum")([tensor, layers.Conv2D(4, 1, name="beside")(tensor)])
    inner = keras.Model(inner_pixels, tensor, name="inner")
    pixels = keras.Input((8, 8, 3), name="pixels")
    tensor = inner(layers.Rescaling(1 / 255, name="rescale")(pixels))
    tensor = layers.Conv2D(5, 3, name="shared", activation="relu")(tensor)
    tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    return keras.Model(pixels, layers.Dense(2, "softmax", name="answer")(tensor))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The model, and its file."""
    path = tmp_path_factory.mktemp("model") / "best.keras"
    model = _nested()
    model.save(path)
    return model, path


PIXELS = np.random.default_rng(1).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("until", "following"),
    [(None, "answer"), ("pool", "answer"), ("inner", "shared"), ("sum", "shared")],
)
def test_layers_up_to_one_compute_the_same(
    model: tuple[Any, Path], until: str | None, following: str
) -> None:
    """From pixels, with the run's preprocessing; models within the model are taken apart."""
    import keras

    whole, path = model
    network = run_network(path, until, (8, 8, 3))
    wanted = keras.Model(whole.input, whole.get_layer(following).input)
    np.testing.assert_array_equal(network(PIXELS), wanted(PIXELS))
    names = [each.name for each in network.layers]
    assert len(names) == len(set(names))
    assert not any(isinstance(each, keras.Model) for each in network.layers)


def test_images_may_have_another_size_and_precision(model: tuple[Any, Path]) -> None:
    """A convolutional part takes any size; pixels are prepared in float32."""
    network = run_network(model[1], "sum", (12, 10, 3), "mixed_bfloat16")
    assert network.output_shape == (None, 10, 8, 4)
    kinds = {each.name: each.compute_dtype for each in network.layers[1:]}
    assert (kinds["rescale"], kinds["sum"]) == ("float32", "bfloat16")


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("shard", "has no layer 'shard'; it has layers such as shared"),
        ("rescale", "no layer with weights comes before 'rescale'"),
    ],
)
def test_a_layer_has_to_be_there(model: tuple[Any, Path], until: str, message: str) -> None:
    """With the names that may be meant, at the key."""
    with pytest.raises(SettingError, match=message) as caught:
        run_network(model[1], until, (8, 8, 3))
    assert caught.value.path == ("model", "backbone", "until")


def test_dense_layers_fix_the_size(tmp_path: Path) -> None:
    """The size that the run takes is named."""
    import keras
    from keras import layers

    pixels = keras.Input((8, 8, 1))
    dense = layers.Dense(3)(layers.Flatten()(pixels))
    keras.Model(pixels, layers.Dense(2, "softmax")(dense)).save(tmp_path / "best.keras")
    with pytest.raises(SettingError, match="only takes images of 8 x 8") as caught:
        run_network(tmp_path / "best.keras", None, (9, 8, 1))
    assert caught.value.path == ("data", "image_size")
