"""Files are whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgrec.errors import RunError, UsageError
from imgrec.files import (
    check_writable,
    chosen_output,
    open_own,
    read_regular,
    refuse_existing,
    remove_partial,
    sha256,
    write_atomically,
    write_bytes,
    write_folder,
    write_text,
)
from tests.conftest import PROJECT


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


def test_a_full_disk_is_named() -> None:
    """/dev/full says ENOSPC as a full disk does."""
    with pytest.raises(RunError, match=r"x\.txt can't be written: no space left on device"):
        write_atomically(
            Path("/tmp/x.txt"),  # noqa: S108 - nothing stays there
            lambda _: Path("/dev/full").write_text("x"),
        )


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The path that could not be written is in the message."""
    with pytest.raises(RunError, match=r"can't be written: there is no folder .*no$"):
        write_text(tmp_path / "no" / "a.txt", "x")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """A file in place of a folder is not reported as missing space."""
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
    """It is there, and is not reported as missing."""
    with pytest.raises(
        RunError, match=r"^/proc/nope can't be written: /proc does not accept files$"
    ):
        write_text(Path("/proc/nope"), "")


@contextmanager
def read(fifo: Path) -> Iterator[Future[bytes]]:
    """Make a pipe, and read it in a thread."""
    os.mkfifo(fifo)
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(fifo.read_bytes)


def test_a_pipe_gets_the_content_and_stays_a_pipe(tmp_path: Path) -> None:
    """By its own name or through a link, and nothing is left beside it."""
    fifo, link = tmp_path / "pipe", tmp_path / "link.txt"
    link.symlink_to("pipe")
    for path in (fifo, link):
        fifo.unlink(missing_ok=True)
        with read(fifo) as content:
            check_writable(path)
            write_text(path, "text")
        assert content.result() == b"text"
        assert fifo.is_fifo()
    assert sorted(tmp_path.iterdir()) == [link, fifo]


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    """Root could replace /dev/null for the whole machine."""
    link = tmp_path / "nothing.txt"
    link.symlink_to("/dev/null")
    before = Path("/dev/null").stat()
    check_writable(link)
    write_text(link, "text")
    assert link.is_symlink()
    assert Path("/dev/null").is_char_device()
    assert Path("/dev/null").stat().st_ino == before.st_ino


def test_only_what_would_be_replaced_is_refused(tmp_path: Path) -> None:
    """Whatever exists under a name that imgrec chose; a file that was named is written to."""
    file, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    file.touch()
    link.symlink_to(file)
    os.mkfifo(pipe)
    for path, kind in ((file, "file"), (link, "file"), (pipe, "folder")):
        with pytest.raises(UsageError, match="already exists"):
            refuse_existing(path, kind)
        with pytest.raises(UsageError, match="already exists"):
            chosen_output(None, path, (".txt",))
    named = tmp_path / "named.TXT"
    named.touch()
    assert chosen_output(named, file, (".txt",)) == named
    with pytest.raises(UsageError, match=r"named\.csv: unknown format \.csv"):
        chosen_output(tmp_path / "named.csv", file, (".txt",))


def test_a_link_is_followed(tmp_path: Path) -> None:
    """To a file, and to one that does not exist yet; the link stays a link."""
    folder, link, chain = tmp_path / "folder", tmp_path / "link.txt", tmp_path / "chain.txt"
    folder.mkdir()
    link.symlink_to("folder/a.txt")
    chain.symlink_to(link)
    for path, text in ((link, "one"), (chain, "two")):
        check_writable(path)
        write_text(path, text)
        assert (folder / "a.txt").read_text() == text
    assert link.is_symlink()
    assert chain.is_symlink()
    assert sorted(tmp_path.iterdir()) == [chain, folder, link]
    assert [*folder.iterdir()] == [folder / "a.txt"]


def test_links_in_a_circle_are_reported(tmp_path: Path) -> None:
    """They lead nowhere, and stay as they are."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    with pytest.raises(RunError, match=r"one can't be written: too many levels"):
        check_writable(one)
    with pytest.raises(RunError, match=r"one can't be written: too many levels"):
        write_text(one, "text")
    assert one.is_symlink()


def test_a_link_in_a_folder_of_imgrec_is_replaced(tmp_path: Path) -> None:
    """A run from somebody else can't have another file overwritten."""
    outside, link = tmp_path / "outside.txt", tmp_path / "card.json"
    outside.write_text("mine")
    link.symlink_to(outside)
    write_atomically(link, lambda temporary: temporary.write_text("new"))
    assert (outside.read_text(), link.read_text()) == ("mine", "new")
    assert not link.is_symlink()


def test_an_open_file_is_written_through() -> None:
    """/dev/stdout of a process whose output goes to a file: the shell's file is not replaced."""
    code = "from pathlib import Path; from imgrec.files import write_text\n"
    code += "print('before', flush=True); write_text(Path('/dev/stdout'), 'text\\n')"
    with tempfile.TemporaryFile() as output:
        subprocess.run(
            [sys.executable, "-c", code],
            stdout=output,
            env={"PYTHONPATH": str(PROJECT)},
            check=True,
        )
        output.seek(0)
        assert output.read() == b"before\ntext\n"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the umask of this process for a while."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode_of(path: Path) -> str:
    """Return the permissions of a file or folder as `chmod` takes them."""
    return f"{path.stat().st_mode & 0o777:o}"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize(("mask", "file", "folder"), [(0o077, "600", "700"), (0o022, "644", "755")])
def test_a_new_file_has_the_permissions_of_the_umask(
    tmp_path: Path, mask: int, file: str, folder: str
) -> None:
    """Reports hold people's photos: private where the user says so."""
    with umask(mask):
        write_text(tmp_path / "a.txt", "text")
        write_folder(tmp_path / "pack", lambda temporary: (temporary / "a").touch())
    assert mode_of(tmp_path / "a.txt") == file
    assert mode_of(tmp_path / "pack") == folder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    """A private file stays private, also while it is written; a shared one stays shared."""
    path, while_written = tmp_path / "a.txt", list[str]()

    def write(temporary: Path) -> None:
        while_written.append(mode_of(temporary))
        temporary.write_text("new")

    for mode in (0o600, 0o664):
        path.touch()
        path.chmod(mode)
        write_atomically(path, write)
        assert mode_of(path) == f"{mode:o}"
    assert while_written == ["600", "600"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("new", [True, False])
def test_a_file_of_someone_else_is_not_opened(tmp_path: Path, *, new: bool) -> None:
    """Under a name that can be guessed lies a link, a hard link or a pipe."""
    victim, path = tmp_path / "victim", tmp_path / "out.csv.partial"
    victim.write_text("mine")
    for plant in (path.symlink_to, path.hardlink_to, lambda _: os.mkfifo(path)):
        plant(victim)
        if new:
            with open_own(path, new=True) as file:
                file.write(b"theirs")
        else:
            with pytest.raises(OSError, match=r"regular file of this user|Too many levels"):
                open_own(path, new=False)
        assert victim.read_text() == "mine"
        path.unlink()


def test_only_regular_files_within_the_limit_are_read(tmp_path: Path) -> None:
    """A pipe without a writer and an endless device are refused at once, folders as folders."""
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_regular(file, 5) == b"12345"
    with pytest.raises(OSError, match="larger than 0 MiB"):
        read_regular(file, 4)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_regular(path, 5)
    with pytest.raises(IsADirectoryError):
        read_regular(tmp_path, 5)


def test_a_file_that_gives_no_size_is_read_whole() -> None:
    """As those of /proc."""
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("a system without /proc")
    assert b"Threads:" in read_regular(path, 1 << 20)


def test_a_link_that_leads_nowhere_is_in_the_way(tmp_path: Path) -> None:
    """Somebody else may have planted it, to have a file created elsewhere."""
    link = tmp_path / "photos.yaml"
    link.symlink_to(tmp_path / "none")
    with pytest.raises(UsageError, match="already exists"):
        refuse_existing(link)
