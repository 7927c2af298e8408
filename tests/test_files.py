"""Files are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgrec.errors import RunError
from imgrec.files import remove_partial, sha256, write_atomically, write_bytes, write_text


def test_what_is_written_replaces_what_was_there(tmp_path: Path) -> None:
    """The new content is there, and nothing beside it."""
    path = tmp_path / "a.txt"
    write_text(path, "old")
    write_text(path, "new \udc80")
    assert path.read_bytes() == b"new \x80"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    """When the writer breaks off, the old content stays and no partial file is left."""
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken off"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_by_name() -> None:
    """/dev/full says ENOSPC as a full disk does."""
    with pytest.raises(RunError, match=r"x\.txt can't be written: No space left on device"):
        write_atomically(
            Path("/tmp/x.txt"),  # noqa: S108 - nothing stays there
            lambda _: Path("/dev/full").write_text("x"),
        )


def test_a_missing_folder_is_told_by_name(tmp_path: Path) -> None:
    """The path that could not be written is in the message."""
    with pytest.raises(RunError, match=r"can't be written: there is no folder .*no$"):
        write_text(tmp_path / "no" / "a.txt", "x")


def test_a_file_in_the_way_is_told_by_name(tmp_path: Path) -> None:
    """A file that stands where a folder is needed is no matter of space."""
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="a file is in the place of a folder") as caught:
        write_text(tmp_path / "file" / "a.txt", "x")
    assert caught.value.hint == "choose another folder"


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """Partial files and folders go, in folders below too; whole ones stay."""
    for name in ("state", ".partial-model", ".partial-model/.partial-inner"):
        (tmp_path / name).mkdir()
    partial = (".partial-x.keras", "state/.partial-y.npz", ".partial-model/saved_model.pb")
    for name in ("a.txt", "state/b.npz", *partial):
        (tmp_path / name).touch()
    remove_partial(tmp_path)
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == ["a.txt", "b.npz", "state"]


def test_sha256_is_that_of_the_bytes() -> None:
    """The known digest of the empty input."""
    assert sha256(b"").startswith("e3b0c44298fc1c14")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a system without /proc")
def test_a_folder_that_takes_no_files() -> None:
    """It is there, and is not said to be missing."""
    with pytest.raises(
        RunError, match=r"^/proc/nope can't be written: /proc does not accept files$"
    ):
        write_text(Path("/proc/nope"), "")
