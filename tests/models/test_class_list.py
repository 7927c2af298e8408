"""Class names out of a file, in the order of a model's output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.errors import DataError, RunError
from imgrec.models.files import imagenet_classes, read_classes


@pytest.mark.parametrize(
    "content",
    [
        b"cat\nhot dog\n",
        b"\xef\xbb\xbfcat\r\nhot dog \r\n\r\n",
        b'["cat", "hot dog"]',
        b'{"0": "cat", "1": "hot dog"}',
        b'{"hot dog": 1, "cat": 0}',
        b' {"1": ["n02", "hot dog"], "0": ["n01", "cat"]}',
    ],
)
def test_every_form_gives_the_names_in_order(tmp_path: Path, content: bytes) -> None:
    """Lines, a JSON list, indices and names either way round, and Keras' class index."""
    path = tmp_path / "names"
    path.write_bytes(content)
    assert read_classes(path) == ("cat", "hot dog")


def test_names_that_several_classes_have_are_told_apart(tmp_path: Path) -> None:
    """In a class index, a name that is there twice is followed by its WordNet number."""
    path = tmp_path / "index.json"
    path.write_text('{"0": ["n1", "crane"], "1": ["n2", "wok"], "2": ["n3", "crane"]}')
    assert read_classes(path) == ("crane (n1)", "wok", "crane (n3)")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no class name;"),
        (b"cat", "contains 1 class name;"),
        (b"cat\n\ndog", "class 2 has no name"),
        (b"cat\nd\x1bg\nd\x1bg\n", r"has the class d\\x1bg more than once"),
        (b"\xff\xfe", "is not a list of classes"),
        (b"{", "is not a list of classes"),
        (b"[1, 2]", "is not a list of classes"),
        (b'{"0": "cat", "2": "dog"}', "is not a list of classes"),
        (b'{"cat": 0, "dog": 0}', "is not a list of classes"),
        (b'{"0": ["a", "b", "c"], "1": "x"}', "is not a list of classes"),
        (b"[" * 100_000, "is not a list of classes"),
    ],
)
def test_lists_that_name_no_classes_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """Missing, repeated and damaged names are told, with the file."""
    path = tmp_path / "na\nmes"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_classes(path)
    assert r"na\nmes" in caught.value.message


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    """A path without a file, and one of a folder, are told as what they are."""
    with pytest.raises(DataError, match="none can't be read: no such file"):
        read_classes(tmp_path / "none")
    with pytest.raises(DataError, match="can't be read: is a directory"):
        read_classes(tmp_path)


@given(
    names=st.lists(
        st.text(st.characters(categories=["L", "N", "P"]), min_size=1), min_size=2, unique=True
    )
)
def test_names_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    """Any distinct names, as a list of JSON."""
    path = tmp_path_factory.getbasetemp() / "names.json"
    path.write_text(json.dumps(names))
    assert read_classes(path) == tuple(names)


def test_imagenet_has_a_thousand_names(
    shared: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of Keras' own folder, without a download; the two cranes are told apart."""
    index = shared("weights/imagenet_class_index.json")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/imagenet_class_index.json").write_bytes(index.read_bytes())
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    names = imagenet_classes()
    assert (len(set(names)), names[0]) == (1000, "tench")
    assert [name for name in names if name.startswith("crane")] == [
        "crane (n02012849)",
        "crane (n03126707)",
    ]


def test_imagenet_that_can_not_be_fetched_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the file and without a network, the message says where to put it."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(RunError, match="can't be downloaded") as caught:
        imagenet_classes()
    assert "imagenet_class_index.json" in caught.value.hint
