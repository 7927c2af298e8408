"""The features of images, and the files that keep them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.images import ImageSpec
from imgrec.errors import DataError, RunError
from imgrec.models.litert import read_litert, with_head
from imgrec.runtime.feature_table import (
    FeatureTable,
    load_features,
    normalize,
    read_features,
    save_features,
    write_features,
)
from imgrec.runtime.features import feature_extractor
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.scores import Skipped
from tests.models.hostile import litert_file
from tests.models.test_litert_writer import ANSWERS, CLASSES, IMAGES, KERNEL, features

VALUES = np.array([[3, 4], [0, 0]], np.float32)
TABLE = FeatureTable(
    ("a\udcff.png", "b.png"), ("1" * 64, "2" * 64), VALUES, "m-1", "3" * 64, (Skipped("c", "no"),)
)


def engine(content: bytes) -> LiteRTEngine:
    """Return the engine of a file."""
    return LiteRTEngine(content, CLASSES, ImageSpec(4, 6, 3))


def test_features_are_what_the_last_layer_takes() -> None:
    """The same numbers as those of the model without its last layer, for any number of images."""
    extractor = feature_extractor(engine(with_head(features(), KERNEL, ANSWERS)), "m-1")
    found = extractor.features(IMAGES)
    assert (found.dtype.name, found.shape, extractor.size) == ("float32", (3, 5), 5)
    np.testing.assert_array_equal(found, engine(features()).outputs(IMAGES))
    np.testing.assert_array_equal(found[1:2], extractor.features(IMAGES[1:2]))


def test_features_of_a_map_are_averaged() -> None:
    """Where the last layer is a convolution, followed by a mean over all places."""
    from imgrec.models.litert import LiteRTWriter

    model = LiteRTWriter()
    pixels = model.input((4, 6, 3), "pixels")
    identity = np.eye(3)[:, None, None]
    inner = model.convolution(pixels, identity, np.zeros(3), 1, "inner", relu6=False)
    last = model.convolution(inner, 2 * identity, np.zeros(3), 1, "last", relu6=False)
    content = model.content(model.softmax(model.mean(last, "logits"), "probabilities"))
    found = feature_extractor(engine(content), "m-1").features(IMAGES)
    np.testing.assert_allclose(found, IMAGES.mean(axis=(1, 2)), rtol=1e-5)


def test_a_model_of_one_layer_has_no_features(tmp_path: Path) -> None:
    """Its last layer takes the pixels themselves."""
    content = read_litert(litert_file(tmp_path / "model.tflite"))
    single = LiteRTEngine(content, ("a", "b"), ImageSpec(4, 4, 3))
    with pytest.raises(RunError, match=r"^m-1 has no features: its output layer is the first one"):
        feature_extractor(single, "m-1")


def test_a_file_returns_what_was_written(tmp_path: Path) -> None:
    """Names that are not UTF-8 and refused photos included; NumPy reads it without imgrec."""
    path = tmp_path / "out.npz"
    write_features(TABLE, path)
    found = read_features(path)
    np.testing.assert_array_equal(found.values, VALUES)
    assert (found.photos, found.identities, found.refused) == (
        TABLE.photos,
        TABLE.identities,
        TABLE.refused,
    )
    assert (found.model, found.model_identity, found.normalized) == ("m-1", "3" * 64, False)
    with np.load(path) as arrays:
        assert arrays["photos"].tolist() == list(TABLE.photos)
        assert arrays["features"].dtype == np.float32


def test_more_arrays_are_kept_with_a_table() -> None:
    """In an open file, which is read where it ends as well as where more follows."""
    file = io.BytesIO()
    save_features(TABLE, file, stamps=np.array(["x", "y"]))
    file.write(b"seal")
    file.seek(0)
    _, more = load_features(file, "the file")
    assert more["stamps"].tolist() == ["x", "y"]


def test_rows_are_scaled_to_length_1() -> None:
    """One of zeros stays."""
    values = VALUES.copy()
    normalize(values)
    np.testing.assert_allclose(values, np.array([[0.6, 0.8], [0, 0]]), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"features": np.zeros((2, 2))}, "its features are not float32"),
        ({"features": np.zeros((3, 2), np.float32)}, "its arrays have different lengths"),
        ({"features": np.full((2, 2), np.nan, np.float32)}, "not all finite numbers"),
        ({"photos": np.array([1, 2])}, "its names are not texts"),
        ({"photos": np.array([{}, {}])}, "[Oo]bject arrays cannot be loaded"),
        ({"schema_version": np.array(9)}, "its schema_version is 9, not 1"),
    ],
)
def test_other_arrays_are_refused(
    tmp_path: Path,
    change: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    reason: str,
) -> None:
    """The message says what is wrong; nothing is unpickled."""
    path = tmp_path / "out.npz"
    write_features(TABLE, path)
    with np.load(path) as loaded:
        arrays = dict(loaded)
    np.savez(path, **(arrays | change))
    with pytest.raises(DataError, match=f"out.npz is not a file of features: .*{reason}"):
        read_features(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """One that is missing, no archive, cut short, of other arrays, or compressed."""
    path = tmp_path / "out.npz"
    with pytest.raises(DataError, match=r"out\.npz can't be read: no such file"):
        read_features(path)
    write_features(TABLE, path)
    whole = path.read_bytes()
    for content in (b"", b"none", whole[:-100], whole[:200] + b"xx" + whole[202:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"out\.npz is not a file of features"):
            read_features(path)
    np.savez(path, x=VALUES)
    with pytest.raises(DataError, match=r"is not a file of features: .*features"):
        read_features(path)
    np.savez_compressed(path, features=np.zeros((1000, 1000), np.float32))
    with pytest.raises(DataError, match="is not a file of features: it is compressed"):
        read_features(path)
