"""Tests of CSV files of paths and labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.config.data import Data
from imgrec.data.records import Dataset
from imgrec.data.sources import DataLocation, read
from imgrec.data.sources.loaders.csv_file import Columns, read_csv
from imgrec.errors import DataError
from imgrec.sections.yaml import read as read_yaml

Images = Callable[..., Path]


@pytest.fixture
def table(images: Images) -> Callable[..., Path]:
    """Return a function that writes a CSV beside a.png, b.png and deep/c.png."""

    def write(*lines: str | bytes, newline: bytes = b"\n") -> Path:
        file = images("a.png", "b.png", "deep/c.png") / "table.csv"
        encoded = (line if isinstance(line, bytes) else line.encode() for line in lines)
        file.write_bytes(newline.join(encoded))
        return file

    return write


def listed(dataset: Dataset) -> list[tuple[str, str]]:
    """Return name and class of each record."""
    return [(record.name, dataset.classes[record.labels[0]]) for record in dataset.records]


def said(dataset: Dataset) -> dict[str, list[str]]:
    """Return the cases of each kind of finding as text."""
    return {each.kind.key: [case.text for case in each.cases] for each in dataset.findings}


def refusal(file: Path, columns: Columns | None = None, separator: str | None = None) -> DataError:
    """Return the error that the file at `file` gives."""
    with pytest.raises(DataError) as caught:
        read_csv(file, columns or Columns(), separator)
    return caught.value


def test_rows_become_records(table: Callable[..., Path]) -> None:
    """Paths are relative to the file; other columns are kept; empty lines are none."""
    file = table("path,label,camera", "./deep//c.png,dog,x", "", '"a.png","big, cat",""')
    dataset = read_csv(file, Columns())["all"]
    assert listed(dataset) == [("a.png", "big, cat"), ("deep/c.png", "dog")]
    assert dataset.records[1].source == file.parent / "deep/c.png"
    assert dataset.records[1].extra == {"camera": "x"}
    assert said(dataset) == {"unused_columns": ["camera"]}


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_what_spreadsheets_write_is_read(table: Callable[..., Path], newline: bytes) -> None:
    """A byte order mark, and any line ending."""
    file = table(b"\xef\xbb\xbfpath,label", "a.png,Kätzchen", "b.png,犬", newline=newline)
    dataset = read_csv(file, Columns())["all"]
    assert dataset.classes == ("Kätzchen", "犬")
    assert said(dataset) == {}


@pytest.mark.parametrize(
    ("lines", "codec", "kind", "text"),
    [
        (
            ["path\tlabel", "a.png\tä", "b.png\té"],
            "utf-16",
            "table_form",
            "UTF-16, separated by tabs",
        ),
        (["path;label", "a.png;ä", "b.png;é"], "utf-8", "table_form", "separated by semicolons"),
        (["sep=;", "path;label", "a.png;ä", "b.png;é"], "utf-8", "table_form", "separated by semi"),
        ([" path, label ", "a.png,ä", "b.png,é"], "utf-8", "table_form", "blanks around column"),
        (["path,label", "a.png,ä", "b.png,é"], "cp1252", "guessed_encoding", "such as a.png,ä"),
        (
            ["path,label,,", "a.png,ä,,", ",,,", "b.png,é,,"],
            "utf-8",
            "skipped_rows",
            "line 3: empty",
        ),
        (
            ["path,label", "a.png,ä", "b.png,é", "./a.png,ä"],
            "utf-8",
            "skipped_rows",
            "repeats line 2",
        ),
        (
            [",path,label", "0,a.png,ä", "1,b.png,é"],
            "utf-8",
            "unused_columns",
            '"": no name, 2 values',
        ),
        (["path,label,x", "a.png,ä,1", "b.png,é,2"], "utf-8", "unused_columns", "x"),
        (["path,label", "a.png,ä ", "b.png,é"], "utf-8", "unified_classes", '"ä ": taken as ä, 1'),
        (["path,label", ".\\a.png,ä", "b.png,é"], "utf-8", "rewritten_paths", "read as ./a.png"),
        (
            ["path,label", "a.png ,ä", "b.png,é"],
            "utf-8",
            "rewritten_paths",
            '"a.png ": read as a.png',
        ),
    ],
)
def test_tables_as_people_have_them_are_read(
    table: Callable[..., Path], lines: list[str], codec: str, kind: str, text: str
) -> None:
    """Other encodings and delimiters, blanks, empty and repeated rows: read, and said."""
    file = table("\n".join(lines).encode(codec))
    dataset = read_csv(file, Columns())["all"]
    assert listed(dataset) == [("a.png", "ä"), ("b.png", "é")]
    assert text in said(dataset)[kind][0]


def test_columns_may_differ_in_case(table: Callable[..., Path]) -> None:
    """What can only mean one column is read, and said."""
    dataset = read_csv(table("Path,LABEL,Camera", "a.png,cat,x", "b.png,dog,x"), Columns())["all"]
    assert dataset.classes == ("cat", "dog")
    assert said(dataset)["table_form"] == [
        "table.csv: column Path read as path, column LABEL read as label"
    ]


def test_paths_of_another_computer_are_named(table: Callable[..., Path]) -> None:
    """They can't be found here, and the hint says what to write."""
    error = refusal(table("path,label", r"C:\me\a.png,cat", r"C:\me\b.png,dog"))
    assert error.message.endswith("C:/me/a.png")
    assert "paths are those of another computer" in error.hint


def test_a_path_in_another_unicode_form_is_found(table: Callable[..., Path]) -> None:
    """The table may say é in one character, and the file's name in two."""
    file = table("path,label", "caf\xe9.png,cat", "b.png,dog")
    (file.parent / "a.png").rename(file.parent / "cafe\u0301.png")
    assert listed(read_csv(file, Columns())["all"])[1][0] in {"cafe\u0301.png", "caf\xe9.png"}


def test_deep_backslashes_are_folders(table: Callable[..., Path]) -> None:
    """As Windows writes paths; a missing file has its usual name, too."""
    dataset = read_csv(table("path,label", r"deep\c.png,cat", r"no\d.png,dog"), Columns())["all"]
    assert [record.name for record in dataset.records] == ["deep/c.png", "no/d.png"]


def test_the_split_column_determines_the_part(table: Callable[..., Path]) -> None:
    """val, valid and validation are one; the names say the part, and labels agree."""
    file = table(
        "path,label,split", "a.png,cat,train", "b.png,dog,TRAIN", "deep/c.png,dog,val", "d,dog,test"
    )
    splits = read(Data(root=str(file), image_size=(4, 4)), 0)
    assert [record.name for record in splits.train] == ["train/a.png", "train/b.png"]
    assert [(record.name, record.label) for record in splits.validation] == [
        ("validation/deep/c.png", 1)
    ]
    assert [(record.name, record.label) for record in splits.test] == [("test/d", 1)]


def test_columns_may_have_other_names(table: Callable[..., Path]) -> None:
    """data.columns names them; the group column is among the others."""
    file = table("file,breed,part,owner", "a.png,cat,train,x", "b.png,dog,train,y")
    columns = Columns(path="file", label="breed", split="part")
    section = DataLocation.model_validate({"root": str(file), "columns": columns, "group": "owner"})
    with pytest.raises(DataError, match="too few groups: "):
        read(section, 0)
    assert read_csv(file, columns)["train"].records[0].extra == {"owner": "x"}


def test_a_group_column_keeps_images_together(table: Callable[..., Path]) -> None:
    """No group is in two parts."""
    rows = [f"{index}.png,{'cat' if index % 2 else 'dog'},{index // 4}" for index in range(40)]
    file = table("path,label,film", "a.png,cat,0", *rows)
    splits = read(Data(root=str(file), group="film", image_size=(4, 4)), 0)
    films = [
        {record.extra["film"] for record in part} for part in (splits.train, splits.validation)
    ]
    assert all(films)
    assert not films[0] & films[1]


def test_a_separator_gives_several_labels(table: Callable[..., Path]) -> None:
    """All are kept, sorted by class; one label is several of one."""
    file = table("path,label", "a.png,dog; cat", "b.png,cat", "deep/c.png,cat;cat")
    dataset = read_csv(file, Columns(), ";")["all"]
    assert dataset.classes == ("cat", "dog")
    assert [record.labels for record in dataset.records] == [(0, 1), (0,), (0,)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,label", "a.png,cat", "./a.png,dog"], "line 3: a.png is already in line 2"),
        (["path,label,split", "a.png,cat,train", "a.png,cat,val"], "a.png is already in line 2"),
        (["path,label", "a.png,cat", "", "b.png"], "line 4: 1 cell, but there are 2 columns"),
        (["path,label", 'a.png,"x', 'y"', "b.png, "], "line 4: column label is empty"),
        (["path,label", ",cat"], "line 2: column path is empty"),
        (["path,label,split", "a.png,cat,trian"], "line 2: column split says trian"),
        (["path,label,split", "a.png,cat,"], "line 2: column split says nothing"),
        (["file;label", "a.png;cat"], "line 1: no column path; found: file;label"),
        (["path,label,x,x", "a.png,cat,1,2"], "line 1: two columns are called x"),
        (["path,label,x, x", "a.png,cat,1,2"], "line 1: two columns are called x"),
        (["path,label", "a.png,cat,x"], "line 2: 3 cells, but there are 2 columns"),
        (["path,label", 'a.png,"cat'], "line 2: not CSV"),
        (
            ["path,label", b"a.png,k\xe4\x81"],
            r"line 2: label k\xe4\x81 is neither UTF-8, UTF-16 nor Windows-1252",
        ),
        (
            ["path,label", b"a.png,k\xe4", "b.png,ä"],
            r"line 2: label k\xe4 is neither UTF-8, UTF-16 nor Windows-1252",
        ),
        (["path,label", b"a.png,\0"], "contains NUL bytes: not a text file"),
        (["path,label", "a\n.png,\x1b[31m", "b.png"], "line 2: 1 cell,"),
        (["path,label"], "has no rows below its column names"),
        ([], "table.csv is empty"),
        (["path,label", "x.png,cat", "y.png,dog"], "none of the images in"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(
    table: Callable[..., Path], lines: list[Any], message: str
) -> None:
    """Each mistake is named where it stands."""
    error = refusal(table(*lines))
    assert message in error.message
    assert "table.csv" in error.message


def test_a_split_column_that_was_named_must_be_there(table: Callable[..., Path]) -> None:
    """By default it may be absent."""
    error = refusal(table("path,label", "a.png,cat"), Columns(split="part"))
    assert "no column part; found: path, label" in error.message


def test_labels_that_look_like_several_are_named(table: Callable[..., Path]) -> None:
    """Nothing says that an image has several: each is a class, and there is a warning."""
    found = read_csv(table("path,label", "a.png,cat;dog", "b.png,cat"), Columns())["all"]
    assert found.classes == ("cat", "cat;dog")
    assert said(found) == {"combined_labels": ["cat;dog"]}


def test_the_rows_of_an_image_with_several_labels_are_joined(table: Callable[..., Path]) -> None:
    """As the hint says for an image with two rows: data.multi_label reads them."""
    lines = ("path,label", "a.png,dog", "a.png,cat", "b.png,cat", "a.png,dog")
    assert "set data.multi_label" in refusal(table(*lines)).hint
    dataset = read_csv(table(*lines), Columns(), ";")["all"]
    assert [record.labels for record in dataset.records] == [(0, 1), (0,)]
    assert said(dataset) == {"skipped_rows": ["line 5: repeats line 2"]}


def test_the_hint_for_a_missing_column_names_the_columns(table: Callable[..., Path]) -> None:
    """What it says to write is a config that reads the file."""
    file = table("file,breed", "a.png,cat", "b.png,dog")
    _, written, _ = refusal(file).hint.split("`")
    keys = read_yaml(written.replace("COLUMN", "file", 1).replace("COLUMN", "breed")).value
    columns = Columns.model_validate(keys["data.columns"])
    assert listed(read_csv(file, columns)["all"]) == [("a.png", "cat"), ("b.png", "dog")]


def test_an_empty_label_among_several_is_refused(table: Callable[..., Path]) -> None:
    """A separator too many is a mistake."""
    error = refusal(table("path,label", "a.png,cat;"), separator=";")
    assert "line 2: column label is empty, or one of its labels is" in error.message


def test_hostile_cells_are_shown_harmlessly(table: Callable[..., Path]) -> None:
    """An escape code or a line break in a cell stays out of the message."""
    error = refusal(table("path,label,split", '"a\x1b[31m",cat,"x\ny"'))
    assert r"x\ny" in error.message
    assert "\n" not in error.message
    twice = refusal(table("path,label", "a\x1b[31m,cat", "a\x1b[31m,cat"))
    assert r"a\x1b[31m" in twice.message


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    """One plain sentence each."""
    assert refusal(tmp_path / "no.csv").message.endswith("can't be read: no such file or directory")
    assert refusal(tmp_path).message == f"{tmp_path} can't be read: is a directory"


@given(content=st.one_of(st.binary(), st.text('pathlbe,"\r\n\0;').map(lambda text: text.encode())))
def test_any_bytes_give_a_table_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Nothing in the file makes reading fail otherwise."""
    file = tmp_path_factory.getbasetemp() / "any.csv"
    for start in (b"", b"path,label\n"):
        file.write_bytes(start + content)
        with pytest.raises(DataError):
            read_csv(file, Columns())
