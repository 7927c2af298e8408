"""Tests of the photos that a command line names."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgrec.data.photo_arguments import expand_photos
from imgrec.errors import BadImage, DataError

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
    found = list(expand_photos(photos, io.StringIO(stdin)))
    assert all(str(photo.source) == str(Path(photo.name)) for photo in found)
    return [photo.name for photo in found]


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


def test_images_with_another_suffix_are_named(
    here: Images, caplog: pytest.LogCaptureFixture
) -> None:
    """A photo in a folder may be called text; a file that is text, or has no suffix, is not one."""
    root = here("p/a.png", "p/photo.txt", "p/photo")
    (root / "p" / "notes.txt").write_text("text")
    caplog.set_level(logging.INFO, "imgrec")
    assert len(names("p")) == 4
    (message,) = (record.message for record in caplog.records)
    assert message.endswith(f"read by content: 1 ({Path('p', 'photo.txt')}: PNG)")


def test_hidden_files_are_counted(here: Images, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever of the folders is left out is named once, with its number."""
    here("p/a.png", "p/.DS_Store", "p/.h/x.png", "q/b.png", "q/._b.png", "q/Thumbs.db")
    with caplog.at_level(logging.INFO, "imgrec"):
        assert names("p", "q/b.png", "q") == ["p/a.png", "q/b.png", "q/b.png"]
    shown = "p/.DS_Store, p/.h, q/._b.png and 1 more"
    assert caplog.messages == [f"hidden, system and sidecar files, left out: 4 ({shown})"]


def test_sidecar_files_are_no_photos(here: Images, caplog: pytest.LogCaptureFixture) -> None:
    """In a folder and for a pattern they are left out and counted; one that is named is taken."""
    here("p/a.png", "p/a.png.xmp", "p/A.XMP", "p/b.xmp/c.png")
    with caplog.at_level(logging.INFO, "imgrec"):
        assert names("p") == [str(Path("p", "a.png")), str(Path("p", "b.xmp", "c.png"))]
        assert names("p/a*") == ["p/a.png"]
    assert [each.partition(" (")[0] for each in caplog.messages] == [
        "hidden, system and sidecar files, left out: 2",
        "hidden, system and sidecar files, left out: 1",
    ]
    assert names("p/a.png.xmp") == ["p/a.png.xmp"]


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


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_list_may_begin_with_a_byte_order_mark(here: Images, codec: str) -> None:
    """Editors write it, and PowerShell, which writes UTF-16; it is not part of the first path."""
    here("a.png", "é.png")
    content = io.BufferedReader(io.BytesIO("a.png\r\né.png\r\n".encode(codec)))
    stdin = io.TextIOWrapper(content, encoding="utf-8")
    assert [photo.name for photo in expand_photos(["-", "-"], stdin)][:2] == ["a.png", "é.png"]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_a_photo_on_stdin_is_told_from_a_list_by_its_content(form: str) -> None:
    """Its bytes are the photo; a list whose first path begins like a format stays a list."""
    content = io.BytesIO()
    Image.new("RGB", (3, 2)).save(content, form)
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content.getvalue())))
    (photo,) = expand_photos(["-"], stdin)
    assert (photo.name, photo.source) == ("stdin", content.getvalue())
    for path in ("BM.bmp", "GIF8.gif", "P6 3 2", "BZh.png"):
        stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(f"{path}\nb.png\n".encode())))
        assert [photo.name for photo in expand_photos(["-"], stdin)] == [path, "b.png"]


class Endless(io.RawIOBase):
    """A stream that never ends."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what a JPEG begins with."""
        buffer[:] = b"\xff\xd8\xff".ljust(len(buffer), b"\0")
        return len(buffer)


@pytest.mark.slow
def test_a_photo_on_stdin_that_never_ends() -> None:
    """It is refused before it takes all memory."""
    (photo,) = expand_photos(["-"], io.TextIOWrapper(io.BufferedReader(Endless())))
    assert isinstance(photo.source, BadImage)
    assert photo.source.reason == "larger than 400 MiB; name the file instead"


def test_hidden_files_named_by_the_user_are_taken(here: Images) -> None:
    """Only what a folder holds is left out for being hidden."""
    here(".a.png")
    assert names(".a.png") == [".a.png"]


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        ("empty", "a folder without images"),
        ("*.gif", "nothing matches this pattern"),
        ("-", "standard input is empty; it should have a path on each line, or a photo"),
    ],
)
def test_what_holds_nothing_says_so(here: Images, photo: str, reason: str) -> None:
    """An empty folder, a pattern without a match and an empty list are named among the others."""
    (here("a.png") / "empty").mkdir()
    before, nothing, after = expand_photos(["a.png", photo, "a.png"], io.StringIO())
    assert (before.name, nothing.name, after.name) == ("a.png", photo, "a.png")
    assert isinstance(nothing.source, BadImage)
    assert (nothing.source.name, nothing.source.reason) == (photo, reason)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any folder")
def test_a_folder_that_cannot_be_read_stops_nothing(here: Images) -> None:
    """What stands beside and after it is found."""
    closed = here("p/a.png", "p/b/x.png", "p/c.png") / "p" / "b"
    closed.chmod(0)
    found = list(expand_photos(["p"], None))
    closed.chmod(0o700)
    assert [photo.name for photo in found] == ["p/a.png", "p/b", "p/c.png"]
    assert isinstance(found[1].source, BadImage)
    assert found[1].source.reason == "a folder that can't be read: permission denied"


def test_folders_that_are_nested_deeply_are_refused(here: Images) -> None:
    """The time that the system takes to find one grows with the square of its depth."""
    here("a/" * 100 + "b.png")
    assert names("a") == ["a/" * 100 + "b.png"]
    here("a/" * 110 + "b.png")
    with pytest.raises(DataError, match="folders are nested deeper than 100 levels"):
        names("a")


def test_a_link_to_a_folder_above_is_not_followed(here: Images) -> None:
    """Links lead into other folders, and never round in circles."""
    root = here("p/a.png", "q/b.png")
    (root / "p" / "up").symlink_to(root / "p")
    (root / "p" / "other").symlink_to(root / "q")
    (root / "p" / "self").symlink_to("self")
    assert names("p") == ["p/a.png", "p/other/b.png", "p/self"]


def test_a_line_that_is_no_path_is_refused() -> None:
    """One without an end would fill the memory."""
    with pytest.raises(DataError, match=r"line 2 of standard input is longer than 65,536"):
        list(expand_photos(["-"], io.StringIO("a.png\n" + "a" * 70_000)))


def test_a_list_is_read_as_it_comes(here: Images) -> None:
    """The first photos of a list are there before its end."""
    here("a.png")
    ours, theirs = os.pipe()
    with open(theirs, "w") as writer, open(ours) as reader:  # noqa: PTH123
        writer.write("0.png\n1.png\n")
        writer.flush()
        found = expand_photos(["a.png", "-"], reader)
        assert [next(found).name for _ in range(3)] == ["a.png", "0.png", "1.png"]


def test_names_on_standard_input_are_those_of_the_system(here: Images) -> None:
    """A name that is not UTF-8 is found; it is the same as in a listing."""
    here("a.png")
    Path("a.png").rename(os.fsdecode(b"caf\xe9.png"))
    listed = expand_photos(["."], None)
    given = expand_photos(["-"], io.TextIOWrapper(io.BytesIO(b"./caf\xe9.png\n"), encoding="utf-8"))
    assert [photo.source for photo in given] == [photo.source for photo in listed]


def test_a_folder_is_sorted_by_path(here: Images) -> None:
    """Files and folders of one folder are in one order, as their paths sort."""
    paths = ["p/b.png", "p/b/x.png", "p/a/z.png", "p/a.png", "p/a-1/y.png", "p/a/b/c.png"]
    here(*paths)
    assert names("p") == [str(path) for path in sorted(map(Path, paths))]


def test_real_photos_are_found(shared: Callable[[str], Path]) -> None:
    """A folder of photos gives every one of them."""
    assert len(names(str(shared("data/photos")))) == 29
