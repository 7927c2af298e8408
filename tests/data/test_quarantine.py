"""Bad files are moved aside, and nothing gets lost on the way."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.quarantine import LIST, Quarantined, move_bad, refuse_place
from imgrec.data.records import ByteRange, Record
from imgrec.errors import DataError, UsageError
from imgrec.scores import Skipped


def records(root: Path, *names: str) -> list[Record]:
    """Write a file for each name, with the name in it, and return their records."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    return [Record(name, 0, root / name) for name in names]


def bad(*names: str) -> list[Skipped]:
    """Return the names as images that can't be read."""
    return [Skipped(name, "broken image") for name in names]


def listed(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the list."""
    with (folder / LIST).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def test_only_bad_files_move(tmp_path: Path) -> None:
    """A bad file keeps its relative path and content, the rest stays, and the list names it."""
    data, aside = tmp_path / "data", tmp_path / "aside"
    moved = move_bad(records(data, "cat/1.jpg", "cat/2.jpg"), bad("cat/2.jpg"), aside, [data]).moved
    assert [path.name for path in (data / "cat").iterdir()] == ["1.jpg"]
    assert (aside / "cat/2.jpg").read_bytes() == b"cat/2.jpg"
    assert listed(aside) == [
        {
            "from": str(data / "cat/2.jpg"),
            "to": str(aside / "cat/2.jpg"),
            "reason": "broken image",
        }
    ]
    assert [each.target for each in moved] == [aside / "cat/2.jpg"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_any_name_survives(tmp_path: Path) -> None:
    """Line breaks, quotes, escape codes and undecodable bytes come back from the list."""
    names = ("a\nb", "c\rd", 'e"f,g', "\x1b[31m", "\udce9", "=cmd", LIST)
    data, aside = tmp_path / "data", tmp_path / "aside"
    move_bad(records(data, *names), bad(*names), aside, [data])
    rows = listed(aside)
    assert [Path(row["from"]).name for row in rows] == list(names)
    for row, name in zip(rows, names, strict=True):
        assert Path(row["to"]).read_bytes() == name.encode("utf-8", "surrogateescape")
    assert not list(data.iterdir())


def test_names_lead_nowhere_else(tmp_path: Path) -> None:
    """A name from a table with `../` or a root stays below the folder; equal ones get numbers."""
    (file, other) = records(tmp_path / "data", "1.jpg", "2.jpg")
    found = [Record("../../x/1.jpg", 0, file.source), Record("/x/1.jpg", 0, other.source)]
    data, aside = tmp_path / "data", tmp_path / "aside"
    moved = move_bad(found, bad("../../x/1.jpg", "/x/1.jpg"), aside, [data]).moved
    assert [each.target for each in moved] == [
        tmp_path / "aside/x/1.jpg",
        tmp_path / "aside/x/1-2.jpg",
    ]
    assert all(each.target.is_file() for each in moved)


def test_what_shares_a_file_with_others_stays(tmp_path: Path) -> None:
    """Missing files, folders, stretches of files and pixels are not moved, and nothing is made."""
    (tmp_path / "folder.jpg").mkdir()
    found = [
        Record("missing", 0, tmp_path / "missing"),
        Record("folder", 0, tmp_path / "folder.jpg"),
        Record("slice", 0, ByteRange(tmp_path / "x.tfrecord", 0, 9)),
        Record("pixels", 0, np.zeros((1, 1), np.uint8)),
    ]
    wanted = bad("missing", "folder", "slice", "pixels")
    assert move_bad(found, wanted, tmp_path / "aside", [tmp_path]) == Quarantined()
    assert not (tmp_path / "aside").exists()


def test_a_file_named_twice_moves_once(tmp_path: Path) -> None:
    """Two records of one file are one move."""
    (file,) = records(tmp_path / "data", "1.jpg")
    found = [file, Record("again", 0, file.source)]
    done = move_bad(found, bad("1.jpg", "again"), tmp_path / "aside", [tmp_path / "data"])
    assert len(done.moved) == 1


def test_what_lies_outside_the_data_stays(tmp_path: Path) -> None:
    """A path with `..`, a linked class folder, a link to a file: each is named, none is moved."""
    home, data, aside = tmp_path / "home", tmp_path / "data", tmp_path / "aside"
    records(home, ".bashrc", "photos/1.jpg")
    records(data, "cat/1.jpg", "table.csv")
    (data / "dog").symlink_to(home / "photos")
    (data / "cat/2.jpg").symlink_to("1.jpg")
    names = ("cat/1.jpg", "../home/.bashrc", "dog/1.jpg", "cat/2.jpg")
    found = [Record(name, 0, data / name) for name in names]
    for place in (data, data / "table.csv"):
        done = move_bad(found, bad(*names[1:]), aside, [place])
        assert done == Quarantined((), tuple(data / name for name in names[1:]))
    assert len(move_bad(found, bad("cat/1.jpg"), aside, [data / "table.csv"]).moved) == 1
    assert (home / ".bashrc").exists()
    assert (home / "photos/1.jpg").exists()


def test_places_that_are_refused(tmp_path: Path) -> None:
    """Not inside the data, not where something is; a new or empty folder will do."""
    data, full = tmp_path / "data", tmp_path / "full"
    records(data, "1.jpg")
    records(full, "mine.txt")
    for place in (data, data / "bad", full / ".." / "data" / "bad"):
        with pytest.raises(UsageError, match="inside the data"):
            refuse_place(place, [data])
    for place in (full, full / "mine.txt"):
        with pytest.raises(UsageError, match="not an empty folder"):
            refuse_place(place, [data])
    (tmp_path / "empty").mkdir()
    refuse_place(tmp_path / "empty", [data])
    refuse_place(tmp_path / "new", [data])


def test_a_move_that_fails_leaves_a_true_list(tmp_path: Path) -> None:
    """Where a file can't be moved, the error says so and the list has those that were."""
    data, aside = tmp_path / "data", tmp_path / "aside"
    found = records(data, "a", "b/c")
    # The folder `b` that the second file needs is a file already.
    found = [Record("b", 0, found[0].source), found[1]]
    with pytest.raises(DataError, match="can't be moved"):
        move_bad(found, bad("b", "b/c"), aside, [data])
    assert [row["from"] for row in listed(aside)] == [str(data / "a")]
    assert (data / "b/c").is_file()


def test_a_file_that_two_paths_lead_to_moves_once(tmp_path: Path) -> None:
    """A folder that links to another one gives its files twice; each is moved once."""
    data, aside = tmp_path / "data", tmp_path / "aside"
    known = records(data, "cat/1.jpg")
    (data / "dog").symlink_to(data / "cat")
    known.append(Record("dog/1.jpg", 1, data / "dog/1.jpg"))
    moved = move_bad(known, bad("cat/1.jpg", "dog/1.jpg"), aside, [data])
    assert [each.source for each in moved.moved] == [data / "cat/1.jpg"]
