"""Tests of TFRecord files, and of every way in which one may be wrong."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgrec.data.images import ImageSpec, decode
from imgrec.data.records import Dataset
from imgrec.data.sources import detect_loader
from imgrec.data.tfrecord.example import features
from imgrec.data.tfrecord.framing import records
from imgrec.data.tfrecord.reader import Features, read_tfrecord
from imgrec.errors import DataError
from tests.conftest import PROJECT
from tests.data.tfrecord_writer import Value, crc32c, example, frame, write

VALUES = st.one_of(
    st.binary(max_size=9),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=4),
    st.lists(st.binary(max_size=9), min_size=2, max_size=4),
)


def png(shade: int) -> bytes:
    """Return a grey 3x2 PNG of one shade."""
    stream = io.BytesIO()
    Image.new("L", (3, 2), shade).save(stream, "PNG")
    return stream.getvalue()


def read(path: Path | str, label_map: dict[str, str] | None = None, **wanted: str) -> Dataset:
    """Return the images at `path`."""
    return read_tfrecord(str(path), Features(**wanted), label_map)["all"]


def test_the_checksum_is_the_published_one() -> None:
    """The writer of these tests doesn't share an error with the reader: CRC-32C's check value."""
    assert crc32c(b"123456789") == 0xE3069283


def test_whole_numbers_are_classes_in_their_order(tmp_path: Path) -> None:
    """10 comes after 2, and each image's pixels are those of its record."""
    labels = (10, 2, -1, 2)
    path = write(
        tmp_path / "a.tfrecord",
        ({"image": png(shade), "label": label} for shade, label in enumerate(labels)),
    )
    found = read(path)
    assert found.classes == ("-1", "2", "10")
    assert [record.name for record in found.records] == [
        f"a.tfrecord/00000{number}" for number in range(4)
    ]
    assert [int(found.classes[record.labels[0]]) for record in found.records] == [*labels]
    for shade, record in enumerate(found.records):
        np.testing.assert_array_equal(decode(record.source, ImageSpec(2, 3, 1)), shade)


def test_texts_are_classes(tmp_path: Path) -> None:
    """Usual names of features are found by themselves; the other short ones are kept."""
    long = b"x" * 300
    path = write(
        tmp_path / "a.tfrecord",
        [
            {"image/encoded": png(0), "image/class/text": b"dog", "id": 7, "thumbnail": long},
            {"image/encoded": png(1), "image/class/text": "sóc".encode(), "id": 8, "by": b"\xff"},
        ],
    )
    found = read(path)
    assert found.classes == ("dog", "sóc")
    assert [record.extra for record in found.records] == [
        {"id": "7"},
        {"id": "8", "by": "\udcff"},
    ]


def test_features_of_any_name_can_be_named(tmp_path: Path) -> None:
    """What the config says goes before the usual names."""
    path = write(tmp_path / "a.tfrecord", [{"image": b"", "photo": png(9), "label": 1, "k": b"z"}])
    found = read(path, image="photo", label="k")
    assert found.classes == ("z",)
    np.testing.assert_array_equal(decode(found.records[0].source, ImageSpec(2, 3, 1)), 9)


def test_a_label_map_may_have_gaps(tmp_path: Path) -> None:
    """COCO's numbers have holes: classes are those that occur, in the map's order.

    Those of the map that don't are reported.
    """
    path = write(tmp_path / "a.tfrecord", ({"image": b"", "label": n} for n in (90, 1, 13)))
    found = read(path, {"13": "stop sign", "90": "toothbrush", "1": "person", "12": "no such"})
    assert found.classes == ("stop sign", "toothbrush", "person")
    assert [record.label for record in found.records] == [1, 2, 0]
    lines = [each.line for each in found.findings]
    assert lines == ["named classes that no image has, not used: 1 (no such)"]


def test_what_is_not_read_is_found(tmp_path: Path) -> None:
    """Features that are neither image nor label, and what is beside the files."""
    plain: dict[str, Value] = {"image": png(8), "label": 0, "width": 3}
    write(tmp_path / "a.tfrecord", [plain, {**plain, "label": 1, "boxes": [1, 2, 3]}])
    (tmp_path / "labels.pbtxt").touch()
    assert [each.line for each in read(tmp_path).findings] == [
        "features besides image and label: 2 (boxes: not read, width: only for slices and groups)",
        "files beside the images, not used: 1 (labels.pbtxt)",
    ]


@pytest.mark.parametrize(
    ("bad", "label_map", "message"),
    [
        ({"image": b""}, None, "no feature label; found: image"),
        ({"label": 1}, None, "no feature image; found: label"),
        ({}, None, "no feature image; found: none"),
        ({"image": b"", "label": 0.5}, None, "feature label holds floats, not whole numbers or"),
        ({"image": b"", "label": [1, 2]}, None, "feature label holds 2 integers, not one whole"),
        ({"image": b"", "label": []}, None, "feature label holds 0 bytes, not one whole"),
        ({"image": 3, "label": 1}, None, "feature image holds 1 integers, not the bytes"),
        ({"image": [b"", b""], "label": 1}, None, "feature image holds 2 bytes, not the bytes"),
        ({"image": b"", "label": b"\xff"}, None, "feature label is not UTF-8"),
        ({"image": b"", "label": b" "}, None, "feature label is empty"),
        (
            {"image": b"", "label": 2},
            {"1": "one"},
            "feature label: label 2 is not in data.label_map",
        ),
        ({"image": b"", "label": [1, 2]}, {"1": "1", "3": "3"}, "feature label: label 2 is not in"),
        ({"image": b"", "label": b"x"}, {"1": "one"}, "feature label is a text, so"),
    ],
)
def test_a_wrong_feature_is_reported_with_file_and_record(
    tmp_path: Path, bad: dict[str, Value], label_map: dict[str, str] | None, message: str
) -> None:
    """The second record lacks a feature, or has one that can't be what it is taken for."""
    path = write(tmp_path / "a.tfrecord", [{"image": b"", "label": 1}, bad])
    with pytest.raises(DataError) as caught:
        read(path, label_map)
    start = f"{path}, record 1 (from 0): {message}"
    assert caught.value.message.startswith(start)
    assert caught.value.hint or "label is" in message


def test_an_image_may_have_several_classes(tmp_path: Path) -> None:
    """By number or by text; a label that stands twice counts once."""
    labels: list[Value] = [3, [3, 1], [2, 2], 1]
    images: list[dict[str, Value]] = [{"image": png(0), "label": each} for each in labels]
    path = write(tmp_path / "a.tfrecord", images)
    label_map = {"1": "person", "2": "car", "3": "dog"}
    found = read_tfrecord(str(path), Features(), label_map, multi_label=True)["all"]
    assert found.classes == ("person", "car", "dog")
    assert [record.labels for record in found.records] == [(2,), (0, 2), (1,), (0,)]
    texts = write(tmp_path / "b.tfrecord", [{"image": b"", "label": [b"dog", b"car"]}])
    named = read_tfrecord(str(texts), Features(), None, multi_label=True)["all"]
    assert (named.classes, named.records[0].labels) == (("car", "dog"), (0, 1))


def test_names_of_files_tell_their_parts(tmp_path: Path) -> None:
    """Training and test files in one folder stay apart; the files of one part are a data set."""
    for number, name in enumerate(("train-00000", "train-00001", "a_test", "Val")):
        write(tmp_path / f"{name}.tfrecord", [{"image": b"", "label": number}])
    parts = read_tfrecord(str(tmp_path), Features(), None)
    assert {part: dataset.classes for part, dataset in parts.items()} == {
        "train": ("0", "1"),
        "validation": ("3",),
        "test": ("2",),
    }
    assert list(read_tfrecord(str(tmp_path / "train-*"), Features(), None)) == ["all"]


def test_a_file_without_a_part_beside_others_is_reported(tmp_path: Path) -> None:
    """Whether its images are for training or for testing is not guessed."""
    for name in ("train", "test", "more"):
        write(tmp_path / f"{name}.tfrecord", [{"image": b"", "label": 0}])
    with pytest.raises(DataError, match=r"more\.tfrecord has no split in its name") as caught:
        read(tmp_path)
    assert "data.train" in caught.value.hint


def test_features_of_unusual_names_are_listed(tmp_path: Path) -> None:
    """Where no usual name is there, the error says what is and which key names it."""
    path = write(tmp_path / "a.tfrecord", [{"photo": b"", "label": 1}])
    with pytest.raises(DataError, match=r"record 0 .*image_raw; found: label, photo") as caught:
        read(path)
    assert "data.features.image" in caught.value.hint


def test_a_file_may_end_nowhere_but_after_a_record(tmp_path: Path) -> None:
    """Cut at any byte, file and record are named; cut between records it is a shorter file."""
    one, two = (frame(example({"image": png(0), "label": n})) for n in (0, 1))
    path = tmp_path / "a.tfrecord"
    for end in range(1, len(one + two)):
        path.write_bytes((one + two)[:end])
        if end == len(one):
            assert len(read(path).records) == 1
            continue
        number = int(end > len(one))
        with pytest.raises(DataError) as caught:
            read(path)
        assert caught.value.message == f"{path} ends within record {number} (from 0)"
        assert "cut short" in caught.value.hint


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """Length, its checksum, the record or the record's checksum: the record is named."""
    one, two = (bytearray(frame(example({"image": b"", "label": n}))) for n in (0, 1))
    path = tmp_path / "a.tfrecord"
    for bit in range(8 * len(two)):
        damaged = bytearray(two)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(one + damaged)
        with pytest.raises(DataError) as caught:
            read(path)
        assert caught.value.message == f"{path}, record 1 (from 0): a checksum is wrong"


def test_a_sound_record_that_is_not_an_example_is_reported(tmp_path: Path) -> None:
    """TFRecord files may hold anything."""
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame(b"no message"))
    with pytest.raises(DataError, match=r"record 0 \(from 0\): not a tf\.train\.Example"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08" + bytes(30), "is gzipped"),
        (b"a text, and nothing but a text", "a checksum is wrong"),
    ],
)
def test_a_file_of_another_kind_is_reported(tmp_path: Path, content: bytes, message: str) -> None:
    """Empty, compressed, or something else."""
    path = tmp_path / "a.tfrecord"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path)


def test_an_empty_file_beside_others_is_reported(tmp_path: Path) -> None:
    """Its images may be lost, and nothing is left out in silence."""
    write(tmp_path / "a-00000-of-00002.tfrecord", [{"image": b"", "label": 0}])
    empty = tmp_path / "a-00001-of-00002.tfrecord"
    empty.touch()
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert caught.value.message == f"{empty} is empty"
    assert "again" in caught.value.hint


def test_a_record_that_is_as_long_as_gzips_magic_is_read(tmp_path: Path) -> None:
    """A file may begin with 1f 8b and yet be a TFRecord file."""
    path = tmp_path / "a.tfrecord"
    path.write_bytes(frame(bytes(0x8B1F)))
    assert next(iter(records(path))) == (12, bytes(0x8B1F))


@pytest.mark.parametrize("place", ["", "*.tfrecord*", "s-0000?-of-00002"])
def test_shards_are_one_data_set(tmp_path: Path, place: str) -> None:
    """A folder or a pattern stands for all its files, in order of name; hidden ones are left."""
    for number in (1, 0):
        file = tmp_path / f"s.tfrecord-0000{number}-of-00002"
        write(file, [{"image": b"", "label": number}])
    write(tmp_path / ".s.tfrecord", [{"image": b"", "label": 9}])
    path = str(tmp_path / place.replace("s-", "s.tfrecord-"))
    assert detect_loader(path).name == "tfrecord"
    assert [record.name for record in read(path).records] == [
        "s.tfrecord-00000-of-00002/000000",
        "s.tfrecord-00001-of-00002/000000",
    ]


@pytest.mark.parametrize("name", ["none.tfrecord", "*.tfrecord"])
def test_files_that_are_not_there_are_reported(tmp_path: Path, name: str) -> None:
    """A missing file and a pattern that matches none."""
    with pytest.raises(DataError, match=re.escape(name)):
        read(tmp_path / name)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_what_is_written_comes_back(values: dict[str, Value]) -> None:
    """Integers of 64 bits with sign and bytes of any length, under names in any script."""
    record = example(values)
    found = features(record)
    assert set(found) == set(values)
    for name, value in values.items():
        listed = value if isinstance(value, list) else [value]
        feature = found[name]
        texts = [record[start:end] for start, end in feature.stretches]
        assert [*feature.integers, *texts] == listed


@given(st.binary(max_size=40))
def test_any_bytes_are_an_example_or_no_example(record: bytes) -> None:
    """Nothing else is raised, and no stretch leaves the record."""
    try:
        found = features(record)
    except ValueError:
        return
    for feature in found.values():
        assert all(0 <= start <= end <= len(record) for start, end in feature.stretches)


TENSORFLOW = """
import sys
import tensorflow as tf

def feature(value):
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

with tf.io.TFRecordWriter(sys.argv[1]) as writer:
    for number in range(5):
        pixels = tf.fill((2, 3, 1), tf.constant(number, tf.uint8))
        values = {"image": tf.io.encode_png(pixels).numpy(), "label": number - 2, "by": b"me"}
        features = tf.train.Features(feature={key: feature(each) for key, each in values.items()})
        writer.write(tf.train.Example(features=features).SerializeToString())
"""


@pytest.mark.tensorflow
@pytest.mark.slow
def test_what_tensorflow_writes_is_read(tmp_path: Path) -> None:
    """TensorFlow's own writer and messages, in another process."""
    path = tmp_path / "a.tfrecord"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", TENSORFLOW, str(path)]
    subprocess.run(command, check=True, cwd=PROJECT, env=environment)
    found = read(path)
    assert found.classes == ("-2", "-1", "0", "1", "2")
    for number, record in enumerate(found.records):
        assert (record.label, record.extra) == (number, {"by": "me"})
        np.testing.assert_array_equal(decode(record.source, ImageSpec(2, 3, 1)), number)
