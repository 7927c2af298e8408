"""Tests of the photos that a command line names."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.data.expand import expand
from imgrec.errors import DataError

Images = Callable[..., Path]


@pytest.fixture
def here(images: Images, monkeypatch: pytest.MonkeyPatch) -> Images:
    """Return `images` with its root as the working directory."""

    def write(*paths: str) -> Path:
        root = images(*paths)
        monkeypatch.chdir(root)
        return root

    return write


def names(*photos: str, stdin: str = "") -> list[str]:
    """Return the names of what `photos` stand for."""
    found = expand(photos, io.StringIO(stdin))
    assert all(str(path) == str(Path(name)) for name, path in found)
    return [name for name, _ in found]


def test_files_stay_as_written(here: Images) -> None:
    """Names, order and repetitions are the user's; a missing file stays in."""
    here("a.png", "b.png")
    assert names("b.png", "./a.png", "b.png", "no.png") == ["b.png", "./a.png", "b.png", "no.png"]


def test_an_address_stays_as_written(here: Images) -> None:
    """Whoever shows the name shows what was typed."""
    here("a.png")
    assert names("https://example.org/a.png") == ["https://example.org/a.png"]


def test_a_folder_is_all_below_it_but_hidden_files(here: Images) -> None:
    """Folders are searched to the bottom, sorted, whatever the files' suffixes."""
    here("p/b.png", "p/a/z.txt", "p/.DS_Store", "p/.h/x.png", "p/Thumbs.db")
    assert names("p") == [str(Path("p", "a", "z.txt")), str(Path("p", "b.png"))]


def test_a_pattern_is_what_it_matches(here: Images) -> None:
    """Patterns work where the shell leaves them alone; folders they match are searched."""
    here("p/b.png", "p/a.png", "p/c.jpg", "p/q/d.png", "p/.e.png")
    assert names("p/*.png") == ["p/a.png", "p/b.png"]
    assert names("p/?.jpg") == ["p/c.jpg"]
    assert names("p/[qx]") == [str(Path("p", "q", "d.png"))]


def test_a_double_star_gives_each_file_once(here: Images) -> None:
    """`**` reaches every depth, and no file twice."""
    here("p/a.png", "p/q/b.png", "p/q/r/c.png")
    assert names("p/**") == ["p/a.png", "p/q/b.png", "p/q/r/c.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(here: Images) -> None:
    """A file that exists is never taken for a pattern."""
    here("a[1].png", "a1.png")
    assert names("a[1].png") == ["a[1].png"]


def test_a_dash_is_a_list_on_standard_input(here: Images) -> None:
    """One path a line, with or without a carriage return; spaces belong to names."""
    here("p/a.png", "b c.png")
    assert names("-", stdin="b c.png\r\n\np\nno.png") == [
        "b c.png",
        str(Path("p", "a.png")),
        "no.png",
    ]


def test_hidden_files_named_by_the_user_are_taken(here: Images) -> None:
    """Only what a folder holds is left out for being hidden."""
    here(".a.png")
    assert names(".a.png") == [".a.png"]


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        ("empty", "no files in the folder empty"),
        ("*.gif", "nothing matches *.gif"),
        ("-", "standard input holds no paths"),
    ],
)
def test_what_holds_nothing_is_refused(here: Images, photo: str, message: str) -> None:
    """An empty folder, a pattern without a match and an empty list are errors."""
    (here("a.png") / "empty").mkdir()
    with pytest.raises(DataError) as caught:
        names(photo)
    assert caught.value.message == message


def test_real_photos_are_found(shared: Callable[[str], Path]) -> None:
    """A folder of photos gives every one of them."""
    assert len(names(str(shared("data/photos")))) == 29
