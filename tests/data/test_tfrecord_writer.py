"""Tests of writing TFRecord files without TensorFlow."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.data.tfrecord.example import features
from imgrec.data.tfrecord.framing import RecordWriter, example, records
from tests.data.tfrecord_writer import frame

NAMES = st.text(max_size=5)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(
    st.dictionaries(NAMES.map("t{}".format), st.lists(st.binary(max_size=9)), max_size=4),
    st.dictionaries(NAMES.map("n{}".format), st.lists(NUMBERS), max_size=4),
)
def test_what_is_written_is_read(
    texts: dict[str, list[bytes]], numbers: dict[str, list[int]]
) -> None:
    """Bytes of any length and integers of 64 bits, none or several, under any name."""
    record = example(texts, numbers)
    found = features(record)
    assert set(found) == {*texts, *numbers}
    for name, listed in texts.items():
        assert [record[start:end] for start, end in found[name].stretches] == listed
    for name, values in numbers.items():
        assert list(found[name].integers) == values


def test_the_order_of_features_changes_nothing() -> None:
    """The same features are the same bytes."""
    assert example({"a": [b"1"], "b": [b"2"]}, {"c": [3]}) == example(
        {"b": [b"2"], "a": [b"1"]}, {"c": [3]}
    )


@given(contents=st.lists(st.binary(max_size=40), max_size=4))
def test_frames_are_those_of_the_format(
    contents: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Byte for byte what another writer makes; counts, size and hash are the file's."""
    path = tmp_path_factory.mktemp("records") / "a.tfrecord"
    with RecordWriter(path) as writer:
        for content in contents:
            writer.write(content)
    written = path.read_bytes()
    assert written == b"".join(map(frame, contents))
    assert [record for _, record in records(path)] == contents
    assert (writer.records, writer.size) == (len(contents), len(written))
    assert writer.sha256 == hashlib.sha256(written).hexdigest()


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    """The writer makes new files only."""
    path = tmp_path / "a.tfrecord"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        RecordWriter(path)
    assert path.read_bytes() == b"mine"
