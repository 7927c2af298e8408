"""A pack is read as it was written, and refused where it was changed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.config.load import parse
from imgrec.data.sources import read_other
from imgrec.errors import DataError
from imgrec.workflows.check import check
from imgrec.workflows.init import draft_config
from imgrec.workflows.pretrained_weights import PretrainedWeights
from tests.data.tfrecord_writer import frame
from tests.workflows.packs import data_at, packed_from, read_again


@pytest.fixture
def pack_of_photos(photos: Path, tmp_path: Path) -> Path:
    """A pack of two files a split, for training and validation."""
    data = data_at(photos, split={"validation": 0.2})
    return packed_from(data, tmp_path / "pack", shards=2).path


def test_a_config_is_drafted_for_a_pack(pack_of_photos: Path) -> None:
    """It names the pack, whose classes and splits are those of the photos."""
    draft = draft_config(pack_of_photos, lambda _: PretrainedWeights.ABSENT)
    assert parse(draft.config, "the draft").data.root == str(pack_of_photos)
    assert draft.found[0].startswith(f"{pack_of_photos}: read by loader tfrecord")


def test_a_changed_file_is_refused(pack_of_photos: Path) -> None:
    """A record more, with right checksums, is noticed by the hash alone."""
    shard = pack_of_photos / "validation.tfrecord-00001-of-00002"
    shard.write_bytes(shard.read_bytes() + _first_record(shard))
    with pytest.raises(DataError) as caught:
        read_again(pack_of_photos)
    assert caught.value.message.startswith(f"{shard} changed since it was packed: its SHA-256")
    assert caught.value.exit_status == 3
    with pytest.raises(DataError, match="changed since it was packed"):
        check(str(pack_of_photos))


def _first_record(shard: Path) -> bytes:
    written = shard.read_bytes()
    length = int.from_bytes(written[:8], "little")
    record = frame(written[12 : 12 + length])
    assert written.startswith(record)
    return record


def test_a_cut_file_is_named_with_its_record(pack_of_photos: Path) -> None:
    """Which says more than that its hash is another."""
    shard = pack_of_photos / "train.tfrecord-00000-of-00002"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"train\S+ ends within record 15 \(from 0\)"):
        read_again(pack_of_photos)


def test_a_missing_and_a_strange_file_are_named(pack_of_photos: Path) -> None:
    """Half of a split is not taken for the whole, and nothing else for a part of it."""
    shard = pack_of_photos / "train.tfrecord-00000-of-00002"
    other = shard.with_name("train.tfrecord-00002-of-00002")
    shard.rename(other)
    with pytest.raises(DataError, match=r"manifest\.json doesn't name train.*-00002-of"):
        read_again(pack_of_photos)
    other.unlink()
    with pytest.raises(DataError, match=r"lacks train\S+-00000-of-00002, which manifest\.json"):
        read_again(pack_of_photos)


def test_some_files_of_a_pack_are_read(pack_of_photos: Path) -> None:
    """A pattern names the training files alone; classes and names are still the manifest's."""
    found = read_again(pack_of_photos / "train.*", split={"validation": 0, "test": 0})
    assert found.classes == ("blue", "red")
    assert len(found.train) == 32
    assert found.train[0].name.startswith("blue/")


def test_a_map_that_contradicts_the_manifest_is_refused(pack_of_photos: Path) -> None:
    """Swapped names would be learned without a word."""
    with pytest.raises(DataError, match=r"data\.label_map says that 0 is red, and .* blue"):
        read_again(pack_of_photos, label_map={"0": "red", "1": "blue"})


def test_another_pack_is_read_by_its_own_map(pack_of_photos: Path) -> None:
    """To evaluate a run on a pack, its numbers need not be those of the run's config."""
    data = data_at(Path("elsewhere.tfrecord"), label_map={"0": "red", "1": "blue"})
    found = read_other(str(pack_of_photos), data, 0)["train"]
    assert found.classes == ("blue", "red")
    assert all(
        found.classes[label] in record.name for record in found.records for label in record.labels
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-9], "it is not JSON, or was cut short"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 2'), "schema_version"),
        (lambda text: text.replace('"sha256": "', '"sha256": "x'), r"shards\[0\]\.sha256"),
        (lambda _: "{}", "schema_version is missing"),
        (lambda _: "[" * 5000, "it is not JSON, or was cut short"),
        (
            lambda _: "[1]",
            r"is not a manifest of `imgrec data pack`: expected an object, got a list$",
        ),
        (
            lambda text: text.replace('"shards": [', '"shards": [1,'),
            r"shards\[0\]: expected an object, got a whole number$",
        ),
    ],
)
def test_a_damaged_manifest_is_refused(
    pack_of_photos: Path, change: Callable[[str], str], message: str
) -> None:
    """Cut, of another version, with a wrong value, or something else of the same name."""
    path = pack_of_photos / "manifest.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=message) as caught:
        read_again(pack_of_photos)
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../../../etc/passwd", "lacks ../../../etc/passwd, which manifest.json names"),
        ("/etc/passwd", "lacks /etc/passwd, which manifest.json names"),
        ("\x1b[31m\n::error::", r"lacks \x1b[31m\n\x3a:error::, which manifest.json names"),
        ("", "lacks , which manifest.json names"),
        (None, "00000-of-00002 twice"),
    ],
)
def test_names_in_a_manifest_are_not_followed(
    pack_of_photos: Path, name: str | None, message: str
) -> None:
    """They are compared with those in the folder; each may be there once."""
    path = pack_of_photos / "manifest.json"
    manifest = json.loads(path.read_text())
    shard = manifest["shards"][0]
    manifest["shards"].append({**shard, "file": shard["file"] if name is None else name})
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=re.escape(message)):
        read_again(pack_of_photos)


def test_an_empty_shard_that_the_manifest_lists_is_read(pack_of_photos: Path) -> None:
    """A shard may be meant to hold no images; the hash says that nothing is lost."""
    path, name = pack_of_photos / "manifest.json", "train-99999-of-00002.tfrecord"
    manifest = json.loads(path.read_text())
    sha256 = hashlib.sha256().hexdigest()
    shard = {"file": name, "split": "train", "images": 0, "size": 0, "sha256": sha256}
    before = read_again(pack_of_photos)
    (pack_of_photos / name).touch()
    path.write_text(json.dumps(manifest | {"shards": [*manifest["shards"], shard]}))
    assert read_again(pack_of_photos).train == before.train


def test_files_of_two_packs_are_not_mixed(pack_of_photos: Path, tmp_path: Path) -> None:
    """The numbers of one mean nothing in the other."""
    shutil.copytree(pack_of_photos, tmp_path / "packs" / "one")
    shutil.copytree(pack_of_photos, tmp_path / "packs" / "two")
    with pytest.raises(DataError, match="files of several folders"):
        read_again(tmp_path / "packs" / "*" / "*.tfrecord-*")


def test_a_pack_without_its_manifest_is_read(pack_of_photos: Path) -> None:
    """Parts follow from the files' names, classes from the text feature or a label map."""
    (pack_of_photos / "manifest.json").unlink()
    for more in (
        {"features": {"label": "image/class/text"}},
        {"label_map": {"0": "blue", "1": "red"}},
    ):
        found = read_again(pack_of_photos, **more)
        assert found.classes == ("blue", "red")
        assert (len(found.train), len(found.validation)) == (32, 8)
