"""Class names out of a file, in the order of a model's output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.errors import DataError
from imgrec.models.class_lists import imagenet_classes, read_classes
from imgrec.text import class_name

LABEL_MAP = b"""
item { id: 0 name: "/m/01" display_name: "cat" points { id: 9 name: "x" } }  # {
item { id: 1 name: "/m/02" display_name: "hot\\040dog" }
"""


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
    assert read_classes(path).names == ("cat", "hot dog")


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (b"0 cat\n1 hot dog\n", "the numbers 0 to 1 in front of the names were removed"),
        (b"1: cat\r\n2: hot dog\r\n", "the numbers 1 to 2 in front of the names were removed"),
        (b"0,cat\n1,hot dog", "the numbers 0 to 1 in front of the names were removed"),
        (b"cat\n\n\nhot dog\n", "2 blank lines were skipped"),
        (b"cat \nhot dog", "blanks around names were removed: cat"),
        ("cat\nhot dog".encode("utf-16"), "its text is UTF-16, not UTF-8"),
        (b'{"labels": ["cat", "hot dog"], "tfjsVersion": "1"}', "only `labels` was read"),
        (b"n02123045 cat\nn07697537 hot dog\n", None),
        (b"{0: 'cat', 1: \"hot dog\"}", None),
        (b"item { id: 2 name: \"hot dog\" }\nitem {\n id: 1\n name: 'cat'\n}\n", None),
        (LABEL_MAP, None),
    ],
)
def test_forms_found_in_the_wild_are_read(
    tmp_path: Path, content: bytes, remark: str | None
) -> None:
    """A remark says what was changed, if anything was."""
    path = tmp_path / "names"
    path.write_bytes(content)
    expected = () if remark is None else (f"{path}: {remark}",)
    assert read_classes(path) == (("cat", "hot dog"), expected)


@pytest.mark.parametrize(
    ("content", "remarks"),
    [
        (b"cat\nhot dog\n", []),
        (b"hot dog;1\ncat;0\n", []),
        (b"label\ncat\n'hot dog'\n".replace(b"'", b'"'), ["read the column label"]),
        (
            b"Index,MID,Display Name\n1,/m/2,hot dog\n0,/m/1,cat\n",
            ["read the columns Display Name and Index; 1 other column was ignored"],
        ),
        (b"label,name\n1,cat\n2,hot dog\n", ["read the columns name and label"]),
    ],
)
def test_a_table_is_read_by_its_columns(tmp_path: Path, content: bytes, remarks: list[str]) -> None:
    """Names are sorted by the column that counts them."""
    path = tmp_path / "names.csv"
    path.write_bytes(content)
    assert read_classes(path) == (
        ("cat", "hot dog"),
        tuple(f"{path}: {remark}" for remark in remarks),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\nd,e,f\n", "none of its columns is called `name`"),
        ("name,id\n", "it has a header, but no rows"),
        ("name,id\ncat,3\ndog,9\n", "its numbers do not count from 0 or 1"),
        ("0,cat\n1,hot,dog\n", "its rows differ in their number of columns"),
        ("name\n" + "a" * 140_000, "it is not CSV"),
    ],
)
def test_a_table_without_clear_columns_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    """The cause is in the message."""
    path = tmp_path / "names.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=f"is not a list of classes: {message}"):
        read_classes(path)


@pytest.mark.parametrize(
    "names", [("1 star", "2 stars", "3 stars"), ("1-star", "2-star"), ("0", "1"), ("7 up", "fanta")]
)
def test_numbers_that_are_names_are_kept(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Only numbers that count the lines, and leave distinct names, are removed."""
    path = tmp_path / "names.txt"
    path.write_text("\n".join(names))
    assert read_classes(path) == (names, ())


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-16"])
def test_accents_are_read_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    """Letters and accents become one character each, in whatever form they were written."""
    path = tmp_path / "names.txt"
    path.write_bytes("café\nöl\n".encode(encoding))
    assert read_classes(path).names == ("café", "öl")
    path.write_text("cafe\u0301\no\u0308l\n")
    names, (remark,) = read_classes(path)
    assert names == ("café", "öl")
    assert "accents were composed with their letters: café, öl" in remark


@pytest.mark.parametrize("background", [0, 1000])
def test_imagenet_labels_with_a_background(
    shared: Callable[[str], Path], tmp_path: Path, background: int
) -> None:
    """`crane` and `maillot`, there twice, get their index; a surplus `background` is left out."""
    index = json.loads(shared("weights/imagenet_class_index.json").read_text())
    lines = [index[str(number)][1] for number in range(1000)]
    lines.insert(background, "background")
    path = tmp_path / "ImageNetLabels.txt"
    path.write_text("\n".join(lines))

    names, remarks = read_classes(path, outputs=1000)
    assert (len(names), names[134], names[517]) == (1000, "crane (134)", "crane (517)")
    assert [remark.removeprefix(f"{path}: ") for remark in remarks] == [
        "background was left out: the model has no output for it",
        "repeated names were made unique: crane (134), crane (517), maillot (638), maillot (639)",
    ]
    names, _ = read_classes(path, outputs=1001)
    crane = 134 + (background == 0)
    assert (len(names), names[background], names[crane]) == (
        1001,
        "background",
        f"crane ({crane})",
    )


def test_names_that_several_classes_have_are_made_distinct(tmp_path: Path) -> None:
    """In a class index, a name that is there twice is followed by its WordNet number."""
    path = tmp_path / "index.json"
    path.write_text('{"0": ["n1", "crane"], "1": ["n2", "wok"], "2": ["n3", "crane"]}')
    assert read_classes(path).names == ("crane (n1)", "wok", "crane (n3)")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no class name;"),
        (b"cat", "contains 1 class name;"),
        (b'["cat", " "]', "class 2 has no name"),
        (
            b"a (0)\na\na\na (2)\nd\x1b (4)\nd\x1b\nd\x1b",
            r"more than once: a \(2\)$",
        ),
        (b"\xff\xfe", "contains no class name;"),
        (b"PK\x03\x04\x90\n", "is not a list of classes: it is neither UTF-8, UTF-16 nor"),
        ("cat\ndog".encode("utf-16-le"), "is not a list of classes: it is not text"),
        (b"{", "is not a list of classes: it is not valid JSON: Expecting property name"),
        (b"[1, 2]", "is not a list of classes: a name is not a string"),
        (b'{"0": "cat", "2": "dog"}', "its numbers do not count from 0"),
        (b'{"1": "cat", "2": "dog"}', "its numbers do not count from 0"),
        (b'{"cat": 0, "dog": 0}', "its numbers do not count from 0"),
        (b'{"cat": 0, "dog": "1"}', "it does not pair names with numbers"),
        (b'{"0": ["a", "b", "c"], "1": "x"}', "is not a list of classes"),
        (b'item { name: "cat" } item { name: "dog" }', "an item has no id"),
        (b'item { id: 1 } item { id: 2 name: "dog" }', "an item has no name"),
        (b'item { id: 1 name: "a" } item { id: 3 name: "b" }', "do not count from 0 or 1"),
        (b"[" * 100_000, "is not a list of classes"),
    ],
)
def test_lists_that_name_no_classes_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """Missing, repeated and damaged names are reported, with the file."""
    path = tmp_path / "na\nmes"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_classes(path)
    assert r"na\nmes" in caught.value.message


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    """A path without a file, and one of a folder, are reported as what they are."""
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
    assert read_classes(path).names == tuple(map(class_name, names))


def test_imagenet_has_a_thousand_names(shared: Callable[[str], Path]) -> None:
    """They are those of Keras' class index; the two cranes are distinguished."""
    names = imagenet_classes().names
    assert names == read_classes(shared("weights/imagenet_class_index.json")).names
    assert (len(set(names)), names[0]) == (1000, "tench")
    assert [name for name in names if name.startswith("crane")] == [
        "crane (n02012849)",
        "crane (n03126707)",
    ]
