"""A config, or images in any form: what `train` and `data preview` are given."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.sources import DataLocation, SplitConfig
from imgrec.errors import ConfigError, DataError, UsageError
from imgrec.workflows.data_argument import DataArgument
from imgrec.workflows.experiment_argument import experiment_of
from imgrec.workflows.pack import pack
from imgrec.workflows.prepare import read_splits
from tests.workflows.class_folders import fill

X = np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8)
Y = np.arange(12) % 3


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of two classes of six images."""
    return fill(tmp_path / "photos", {"cat": 6, "dog": 6})


def table(photos: Path, header: str = "path,label", label: str = "{}") -> Path:
    """Return a CSV file of the photos."""
    files = sorted(photos.rglob("*.png"))
    rows = [
        f"photos/{each.parent.name}/{each.name},{label.format(each.parent.name)}" for each in files
    ]
    (photos.parent / "table.csv").write_text("\n".join([header, *rows]))
    return photos.parent / "table.csv"


def idx(path: Path, array: np.ndarray) -> None:
    """Write an array of unsigned bytes as MNIST's files have it."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_every_form_of_images_becomes_an_experiment(photos: Path, tmp_path: Path) -> None:
    """A folder, a CSV file, a pack, arrays of NumPy, a pickle and MNIST's files."""
    location = DataLocation(root=str(photos), split=SplitConfig(validation=0, test=0))
    pack(DataArgument("photos", location, 0), tmp_path / "packed", shards=1)
    np.savez(tmp_path / "arrays.npz", x=X, y=Y)
    (tmp_path / "arrays.pkl").write_bytes(pickle.dumps((X, Y)))
    (tmp_path / "idx").mkdir()
    idx(tmp_path / "idx" / "train-images-idx3-ubyte", X)
    idx(tmp_path / "idx" / "train-labels-idx1-ubyte", Y)
    sources = {
        photos: 2, table(photos): 2, tmp_path / "packed": 2,
        tmp_path / "arrays.npz": 3, tmp_path / "arrays.pkl": 3, tmp_path / "idx": 3,
    }  # fmt: skip
    for source, classes in sources.items():
        experiment, found = experiment_of(str(source), ["training.epochs=1"])
        assert experiment.training.epochs == 1
        assert found[1] == f"12 images in {classes} classes"
        splits = read_splits(experiment)
        assert (len(splits.classes), len(splits.train)) == (classes, 12 - len(splits.validation))


def test_a_config_is_not_drafted_anew() -> None:
    """Its name or its file is enough."""
    experiment, found = experiment_of("small_cnn", ["seed=7"])
    assert (experiment.name, experiment.seed, found) == ("small_cnn", 7, ())


def test_overrides_of_data_say_how_to_read_it(photos: Path) -> None:
    """Columns of other names, and several labels, which the draft then provides for."""
    source = str(table(photos, "file,kind", "{};photo"))
    with pytest.raises(DataError, match="no column path") as caught:
        experiment_of(source)
    assert "data.columns: {path: COLUMN, label: COLUMN}" in caught.value.hint
    columns = "data.columns={path: file, label: kind}"
    experiment, _ = experiment_of(
        source, [columns, "data.multi_label=true", "model.output=sigmoid"]
    )
    assert read_splits(experiment).classes == ("cat", "dog", "photo")


def test_an_override_is_checked_before_the_images(tmp_path: Path) -> None:
    """A slip is reported although the table is missing; a key of either network fits."""
    missing = str(tmp_path / "missing.csv")
    with pytest.raises(ConfigError, match="did you mean 'epochs'"):
        experiment_of(missing, ["training.epoch=1"])
    for fits in ("model.backbone.trainable=true", "model.layers[0].Conv2D.filters=8"):
        with pytest.raises(DataError, match="no such file"):
            experiment_of(missing, [fits])


def test_an_override_is_checked_with_the_network_of_the_images(photos: Path) -> None:
    """A typo in a layer is reported as one of the small network that suits tiny images."""
    with pytest.raises(ConfigError, match=r"layers\[0\]\.Conv2D\.filter: .* 'filters'"):
        experiment_of(str(photos), ["model.layers[0].Conv2D.filter=8", "data.max_megapixels=9"])


@pytest.mark.parametrize("source", ["none/such", "nothing"])
def test_what_is_not_there_may_have_been_anything(source: str) -> None:
    """A path that leads nowhere is not called a config."""
    with pytest.raises(UsageError, match=f"{source}: no such config, file or folder"):
        experiment_of(source)
