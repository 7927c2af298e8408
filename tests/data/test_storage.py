"""One module of `data` opens, lists and stats; the others ask it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from imgrec.data.photo_arguments import expand_photos
from imgrec.data.storage import (
    entries,
    files_below,
    is_pattern,
    list_folder,
    matches,
    read_bytes,
    read_part,
)
from imgrec.errors import DataError
from tests.conftest import PROJECT

DATA = PROJECT / "imgrec" / "data"
METHODS = {
    "chmod", "exists", "glob", "is_dir", "is_file", "is_symlink", "iterdir", "lstat", "mkdir",
    "open", "read_bytes", "read_text", "readlink", "rename", "resolve", "rglob", "rmdir",
    "samefile", "scandir", "stat", "symlink_to", "touch", "unlink", "walk", "write_bytes",
    "write_text",
}  # fmt: skip
MODULES = {"glob", "shutil", "tempfile"}
PURE = {
    "os.SEEK_END", "os.environ", "os.fsdecode", "os.path.commonpath", "os.path.expanduser",
    "os.path.normpath",
    "Image.open",
}  # fmt: skip
"""What touches no disk, and Pillow's `open`, which gets bytes or an open file."""


def _touches(file: Path) -> Iterator[str]:
    """Yield what in a module's source goes to a disk by itself."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            head, _, method = called.rpartition(".")
            asked = head == "storage" or called in PURE
            if called == "open" or (head and method in METHODS and not asked):
                yield called
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("os."):
            text = ast.unparse(node)
            if not any(text.startswith(pure) or pure.startswith(text) for pure in PURE):
                yield text


@pytest.mark.parametrize(
    "file", sorted(DATA.rglob("*.py")), ids=lambda file: str(file.relative_to(DATA))
)
def test_only_storage_touches_a_disk(file: Path) -> None:
    """Another kind of storage is one module's business."""
    touches = sorted(set(_touches(file)))
    assert bool(touches) == (file.name == "storage.py"), touches


def test_a_part_of_a_file_is_read(tmp_path: Path) -> None:
    """Fewer bytes come if the file ends before."""
    file = tmp_path / "a"
    file.write_bytes(b"0123456789")
    assert read_bytes(file, 10) == b"0123456789"
    assert read_part(file, 2, 3) == b"234"
    assert read_part(file, 8, 5) == b"89"


def test_folders_are_listed_in_order(tmp_path: Path) -> None:
    """By name, hidden files apart, links followed, except into a folder that contains them."""
    for name in ("b/2.png", "b/.hidden", "a.png", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    assert [(path.name, folder) for path, folder in entries(tmp_path)] == [
        ("Thumbs.db", False),
        ("a.png", False),
        ("b", True),
    ]
    top = list_folder(tmp_path)
    assert (top.folders, top.files) == ((tmp_path / "b",), (tmp_path / "a.png",))
    assert top.hidden == (tmp_path / "Thumbs.db",)
    below = files_below(tmp_path)
    assert below.files == (tmp_path / "a.png", tmp_path / "b" / "2.png")
    assert below.hidden == (tmp_path / "Thumbs.db", tmp_path / "b" / ".hidden")
    with pytest.raises(DataError, match="is a file, not a folder"):
        list_folder(tmp_path / "a.png")


def test_each_folder_is_entered_once(tmp_path: Path) -> None:
    """26 folders with two links each to the next are 2^25 paths to the last one."""
    folders = [tmp_path / f"store/{number:02d}" for number in range(26)]
    for folder, following in pairwise(folders):
        folder.mkdir(parents=True)
        for name in ("a", "b"):
            (folder / name).symlink_to(following)
    folders[-1].mkdir()
    (folders[-1] / "1.png").touch()
    top = folders[0]
    assert [file.name for file in files_below(top).files] == ["1.png"]
    assert [Path(path).name for path in matches(f"{top}/**/*.png")] == ["1.png"]
    assert [photo.name for photo in expand_photos([str(top)], None)] == [
        str(top.joinpath(*["a"] * 25, "1.png"))
    ]
    assert len(files_below(tmp_path).files) == 1


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    """Out of the folder, and into what is hidden there; what has a path there keeps it."""
    top = tmp_path / "top"
    for name in ("other/1.png", "top/z/2.png", "top/.store/3.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    links = {"a": "z", "b": "../other", "d": ".store", "e": ".."}
    for name, target in links.items():
        (top / name).symlink_to(target)
    expected = [str(top / name) for name in ("b/1.png", "d/3.png", "z/2.png")]
    assert [str(file) for file in files_below(top).files] == expected
    assert [photo.name for photo in expand_photos([str(top)], None)] == expected
    assert matches(f"{top}/**/*.png") == expected


def test_a_pattern_is_not_the_name_of_a_file(tmp_path: Path) -> None:
    """A file whose name has brackets is that file."""
    (tmp_path / "a[1].png").touch()
    (tmp_path / "a1.png").touch()
    assert not is_pattern(str(tmp_path / "a[1].png"))
    assert is_pattern(str(tmp_path / "*.png"))
    assert matches(str(tmp_path / "a?.png")) == [str(tmp_path / "a1.png")]


def test_several_wildcards_for_any_folders_lead_to_each_once(tmp_path: Path) -> None:
    """Twelve of them would lead through 30 folders in a billion ways."""
    folder = tmp_path.joinpath(*["a"] * 30)
    folder.mkdir(parents=True)
    (folder / "1.png").touch()
    assert matches(f"{tmp_path}/{'**/' * 12}*.png") == [str(folder / "1.png")]
