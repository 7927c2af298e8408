"""A pack holds the images, labels and splits of its source."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgrec.config.data import Data
from imgrec.config.load import parse
from imgrec.data.images import ImageSpec, decode, identities_of_images
from imgrec.data.images.files import content_of
from imgrec.data.records import ByteRange, Splits
from imgrec.errors import DataError, RunError, UsageError
from imgrec.progress import Silent
from imgrec.workflows.check import check
from imgrec.workflows.data_argument import DataArgument, data_argument, splits_of
from imgrec.workflows.pack import pack
from imgrec.workflows.prepare import records_of
from imgrec.workflows.training import train
from tests.conftest import PROJECT
from tests.workflows.packs import data_at, packed_from, read_again

Shared = Callable[[str], Path]

SPEC = ImageSpec(24, 24, 3)
SPLIT = {"validation": 0.2, "test": 0.2}

TRAINED = """
name: colours
data: {root: "%s", image_size: [8, 8], split: {validation: 0.2, test: 0.2}}
preprocessing: {rescale: 1/255}
model: {layers: [Conv2D: {filters: 2, kernel_size: 3}, GlobalAveragePooling2D]}
training: {epochs: 1, export: []}
"""


def assert_same_images(found: Splits, source: Splits) -> None:
    """The same parts with the same names, classes and extras, and the same pixels."""
    assert found.classes == source.classes
    parts = dict(records_of(source))
    assert dict(records_of(found)) == parts
    for part, records in records_of(found):
        for record, original in zip(records, parts[part], strict=True):
            assert (record.labels, record.extra) == (original.labels, original.extra)
            pixels = decode(record.source, SPEC, record.name)
            np.testing.assert_array_equal(pixels, decode(original.source, SPEC, original.name))


@pytest.fixture
def table(photos: Path, tmp_path: Path) -> Path:
    """A CSV file of 12 photos with one or two labels each, their splits, and where they are of."""
    rows = []
    files = sorted(photos.glob("*/*.png"))[::3][:12]
    for number, file in enumerate(files):
        labels = [("car", "dog"), ("dog",), ("person",)][number // 3 % 3]
        split = ("train", "validation", "test")[number % 3]
        rows.append([file.relative_to(tmp_path), "; ".join(labels), split, f"street {number % 2}"])
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["path", "label", "split", "place"], *rows])
    return path


def test_a_divided_folder_comes_back(photos: Path, tmp_path: Path) -> None:
    """What the seed divided stays divided, under the names that the photos had; bytes are kept."""
    data = data_at(photos, split=SPLIT)
    source = splits_of(data, 5)
    packed = packed_from(data, tmp_path / "pack")
    found = read_again(packed.path)
    assert_same_images(found, source)
    for record, original in zip(found.train, source.train, strict=True):
        assert isinstance(record.source, ByteRange)
        assert content_of(record.source) == content_of(original.source)
    manifest = packed.manifest
    assert [shard.file for shard in manifest.shards][:4] == [
        "train.tfrecord-00000-of-00003",
        "train.tfrecord-00001-of-00003",
        "train.tfrecord-00002-of-00003",
        "validation.tfrecord-00000-of-00003",
    ]
    assert [shard.images for shard in manifest.shards] == [8, 8, 8, 2, 3, 3, 2, 3, 3]
    assert manifest.splits["train"].classes == {"blue": 12, "red": 12}


def test_an_undivided_folder_stays_undivided(photos: Path, tmp_path: Path) -> None:
    """Its pack is divided as the folder itself would be: by names and seed."""
    packed = pack(data_argument(str(photos)), tmp_path / "pack")
    assert list(packed.manifest.splits) == ["train"]
    source = splits_of(data_at(photos, split=SPLIT), 3)
    found = splits_of(data_at(packed.path, split=SPLIT), 3)
    assert_same_images(found, source)


def test_several_labels_come_back(table: Path, tmp_path: Path) -> None:
    """With the numbers that data.label_map gives the classes, their order, and the columns."""
    label_map = {"1": "person", "2": "car", "3": "dog"}
    data = data_at(table, multi_label=True, separator=";", label_map=label_map)
    packed = packed_from(data, tmp_path / "pack")
    assert packed.manifest.multi_label
    assert packed.manifest.label_map == label_map
    assert packed.overrides == (f"data.root={packed.path}", "data.separator=null")
    found = read_again(packed.path, label_map=label_map)
    assert found.classes == ("person", "car", "dog")
    plain = splits_of(data_at(table, multi_label=True, separator=";"), 5)
    assert_same_names(found, plain)
    assert found.train[0].extra == {"place": "street 0"}
    assert_same_images(read_again(packed.path), found)


def assert_same_names(found: Splits, source: Splits) -> None:
    """The same images have the same classes, in whatever order classes stand."""
    parts = dict(records_of(source))
    for part, records in records_of(found):
        for record, original in zip(records, parts[part], strict=True):
            assert record.name == original.name
            names = {found.classes[label] for label in record.labels}
            assert names == {source.classes[label] for label in original.labels}


def test_pixels_become_png(tmp_path: Path) -> None:
    """The digits are arrays; as files they have the same pixels."""
    data = Data.model_validate({"loader": "digits", "image_size": [8, 8], "channels": 1})
    packed = packed_from(data, tmp_path / "pack", shards=2)
    assert packed.overrides == (f"data.root={packed.path}", "data.loader=tfrecord")
    source = splits_of(data, 5)
    found = splits_of(data_at(packed.path, channels=1), 5)
    assert_same_images(found, source)


def test_the_same_images_are_the_same_bytes(photos: Path, tmp_path: Path) -> None:
    """Packed twice, every file is the same; another seed draws another order."""
    first, again = (packed_from(data_at(photos), tmp_path / name) for name in ("one", "two"))
    files = sorted(path.name for path in first.path.iterdir())
    assert len(files) == 7
    for name in files:
        assert (first.path / name).read_bytes() == (again.path / name).read_bytes()
    other = pack(DataArgument("source", data_at(photos), 6), tmp_path / "three", shards=3)
    assert first.manifest.shards != other.manifest.shards


def test_a_pack_of_a_pack_is_the_same(table: Path, tmp_path: Path) -> None:
    """Nothing is lost or added on the way."""
    first = packed_from(data_at(table, multi_label=True, separator=";"), tmp_path / "one")
    again = packed_from(data_at(first.path), tmp_path / "two")
    assert first.manifest == again.manifest


def test_training_from_a_pack_is_training_from_the_photos(photos: Path, tmp_path: Path) -> None:
    """The same splits, fingerprint and losses; the card's fingerprint is the manifest's."""
    experiment = parse(TRAINED % photos, "colours.yaml")
    source = DataArgument(experiment.name, experiment.data, experiment.seed)
    packed = pack(source, tmp_path / "pack", shards=2)
    overrides = {each.partition("=")[0]: each.partition("=")[2] for each in packed.overrides}
    assert overrides == {"data.root": str(packed.path), "data.split": "null"}
    from_files = train(experiment, runs_dir=tmp_path / "runs")
    other = parse(TRAINED % photos, "colours.yaml", packed.overrides)
    from_pack = train(other, runs_dir=tmp_path / "runs")
    card = from_pack.run.card
    assert card.fingerprint == packed.manifest.splits["train"].fingerprint
    assert card.fingerprint == from_files.run.card.fingerprint
    histories = [
        [row.split(",")[:-2] for row in (each.run.path / "history.csv").read_text().splitlines()]
        for each in (from_files, from_pack)
    ]
    assert histories[0] == histories[1]  # but for seconds and speed


def test_more_shards_than_images(tmp_path: Path) -> None:
    """No file is empty."""
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (3, 2)).save(tmp_path / "photos" / name / "1.png")
    packed = pack(data_argument(str(tmp_path / "photos")), tmp_path / "pack", shards=9)
    assert [shard.images for shard in packed.manifest.shards] == [1, 1]


def test_bad_images_are_named_and_nothing_is_written(photos: Path, tmp_path: Path) -> None:
    """All of them, in one error; no folder is left, not even a hidden one."""
    (photos / "red" / "cut.png").write_bytes((photos / "red" / "00.png").read_bytes()[:60])
    (photos / "blue" / "text.png").write_text("no image")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataError, match="2 of 42 images can't be read") as caught:
        packed_from(data_at(photos), tmp_path / "pack")
    assert "red/cut.png" in caught.value.message
    assert "blue/text.png: not an image" in caught.value.message
    assert sorted(tmp_path.iterdir()) == before


def test_bad_images_are_left_out_where_the_config_says_so(photos: Path, tmp_path: Path) -> None:
    """The manifest names them; counts and fingerprint are of the others."""
    (photos / "blue" / "text.png").write_text("no image")
    packed = packed_from(data_at(photos, bad_images="skip", split=SPLIT), tmp_path / "pack")
    (skipped,) = json.loads((packed.path / "manifest.json").read_text())["skipped"]
    assert skipped["name"] == "blue/text.png"
    found = read_again(packed.path)
    assert sum(len(records) for _, records in records_of(found)) == 40
    assert sum(shard.images for shard in packed.manifest.shards) == 40


class Interrupted(Silent):
    """Progress that is interrupted after ten images."""

    def __init__(self) -> None:
        self._left = 10

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count down."""
        self._left -= count
        if self._left == 0:
            raise KeyboardInterrupt


def test_an_interrupted_pack_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    """Neither the folder nor a part of it."""
    before = sorted(tmp_path.iterdir())
    source = DataArgument("source", data_at(photos), 5)
    with pytest.raises(KeyboardInterrupt):
        pack(source, tmp_path / "pack", shards=3, progress=Interrupted())
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_is_not_there_is_reported(photos: Path, tmp_path: Path) -> None:
    """Where the pack can't be written, before an image is read."""
    with pytest.raises(RunError, match="no folder"):
        packed_from(data_at(photos), tmp_path / "none" / "pack")


def test_classes_without_a_number_are_reported(photos: Path, tmp_path: Path) -> None:
    """A label map with gaps packs nothing."""
    data = data_at(photos, label_map={"1": "red", "3": "green"})
    with pytest.raises(DataError, match=r"data\.label_map has no number for blue") as caught:
        packed_from(data, tmp_path / "pack")
    assert "red, green" in caught.value.hint
    assert not (tmp_path / "pack").exists()


def test_settings_of_no_config_are_refused(photos: Path) -> None:
    """--set changes a config, which a folder is not."""
    with pytest.raises(UsageError, match="is not a config, so it has no keys"):
        data_argument(str(photos), ["data.channels=1"])


@pytest.mark.parametrize("place", ["data/birds", "data/cats_dogs"])
def test_real_photos_come_back(place: str, shared: Shared, tmp_path: Path) -> None:
    """Some of each split and class, byte for byte, with the hashes of the files."""
    root = tmp_path / "some"
    for file in sorted(shared(place).glob("*/*/*"))[::97]:
        copy = root / file.relative_to(shared(place))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    data = data_at(root)
    source, found = splits_of(data, 5), packed_from(data, tmp_path / "pack")
    again = read_again(found.path)
    assert_same_images(again, source)
    for part, records in records_of(source):
        assert identities_of_images(records) == identities_of_images(getattr(again, part))


TENSORFLOW = """
import json, sys
import numpy as np
import tensorflow as tf

form = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.VarLenFeature(tf.int64),
    "image/class/text": tf.io.VarLenFeature(tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string),
}
for record in tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(sys.argv[1] + "/*.tfrecord*"))):
    found = tf.io.parse_single_example(record, form)
    pixels = tf.io.decode_image(found["image/encoded"]).numpy()
    print(json.dumps({
        "name": found["image/filename"].numpy().decode(),
        "labels": tf.sparse.to_dense(found["image/class/label"]).numpy().tolist(),
        "texts": [text.decode() for text in tf.sparse.to_dense(found["image/class/text"]).numpy()],
        "pixels": [list(pixels.shape), int(np.sum(pixels, dtype=np.int64))],
    }))
"""


@pytest.mark.slow
def test_tensorflow_reads_the_same(table: Path, tmp_path: Path) -> None:
    """TensorFlow's own reader, in another process: names, numbers, texts and pixels."""
    packed = packed_from(data_at(table, multi_label=True, separator=";"), tmp_path / "pack")
    by_tensorflow = _by_tensorflow(packed.path)
    source = splits_of(data_at(table, multi_label=True, separator=";"), 5)
    records = [record for _, part in records_of(source) for record in part]
    assert set(by_tensorflow) == {record.name for record in records}
    for record in records:
        found = by_tensorflow[record.name]
        assert found["labels"] == list(record.labels)
        assert found["texts"] == [source.classes[label] for label in record.labels]
        pixels = decode(record.source, ImageSpec(10, 12, 3))
        assert found["pixels"] == [list(pixels.shape), int(pixels.sum(dtype=np.int64))]


def _by_tensorflow(folder: Path) -> Mapping[str, Any]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", TENSORFLOW, str(folder)]
    process = subprocess.run(
        command, check=True, cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    return {line["name"]: line for line in lines}


def test_the_hint_about_bad_images_of_a_folder_helps(photos: Path, tmp_path: Path) -> None:
    """A folder has no config to change: the check that is named moves them, and packing works."""
    (photos / "red" / "bad.png").write_bytes(b"bad")
    with pytest.raises(DataError) as caught:
        pack(data_argument(str(photos)), tmp_path / "pack")
    assert f"`imgrec check {photos} --quarantine DIR`" in caught.value.hint
    check(str(photos), quarantine=tmp_path / "aside")
    assert pack(data_argument(str(photos)), tmp_path / "pack").manifest.splits
