"""A file that grows is whole or not there, and goes on where it stopped."""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.errors import RunError, UsageError
from imgrec.workflows.prediction.resumable_file import resumable_file
from tests.conftest import PROJECT

NAMES = ("a.jpg", "b\n.jpg", "a.jpg", "\udcff.jpg", "猫.jpg")
SETTINGS: dict[str, str | int | None] = {"top": 5, "model": "m-1", "threshold": None}


class Stopped(Exception):
    """The process ended here."""


def write(
    path: Path, stop: int | None = None, *, resume: bool = False, names: Sequence[str] = NAMES
) -> None:
    """Write a header and a line for each name, two at a time; stop after so many lines."""
    left = iter(names)
    with resumable_file(path, SETTINGS, header="header\n", names=left, resume=resume) as file:
        while batch := list(itertools.islice(left, 2)):
            failed = file.mark.failed + batch.count("a.jpg")
            file.append("".join(f"{name!r}\n" for name in batch), batch, failed)
            if stop is not None and file.mark.items >= stop:
                raise Stopped
        if stop is not None:
            raise Stopped


def partial(path: Path) -> Path:
    """Return where the file grows."""
    return path.with_name(f"{path.name}.partial")


def progress(path: Path) -> Path:
    """Return where it is kept how far it is."""
    return path.with_name(f"{path.name}.progress")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a file is to be written."""
    return tmp_path / "out.csv"


def test_a_file_appears_whole(path: Path) -> None:
    """Nothing but the file itself is left at the end, and the file before stays until then."""
    path.write_text("old")
    write(path)
    assert path.read_text() == "header\n" + "".join(f"{name!r}\n" for name in NAMES)
    assert list(path.parent.iterdir()) == [path]


def test_a_stopped_file_does_not_look_whole(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It keeps its other name, and it is said how to go on."""
    path.write_text("old")
    caplog.set_level(logging.INFO, "imgrec")
    with pytest.raises(Stopped):
        write(path, stop=2)
    assert path.read_text() == "old"
    assert partial(path).read_text().count("\n") == 3
    assert caplog.messages == [
        f"{partial(path)} holds 2 photos; repeat the command with --continue to resume"
    ]


@given(stop=st.integers(1, 5), torn=st.integers(0, 80), lost=st.integers(0, 300))
def test_it_continues_wherever_it_stopped(stop: int, torn: int, lost: int) -> None:
    """However much of either file a process that was killed left, the result is the same."""
    with TemporaryDirectory() as folder:
        whole, path = Path(folder, "whole"), Path(folder, "out")
        write(whole)
        with pytest.raises(Stopped):
            write(path, stop)
        for file, cut in ((partial(path), torn), (progress(path), lost)):
            content = file.read_bytes()
            file.write_bytes(content[: max(0, len(content) - cut)])
        write(path, resume=True)
        assert path.read_bytes() == whole.read_bytes()
        assert sorted(each.name for each in Path(folder).iterdir()) == ["out", "whole"]


def test_the_failures_of_before_are_counted(path: Path) -> None:
    """How many items failed is kept with how many there are."""
    with pytest.raises(Stopped):
        write(path, stop=4)
    with resumable_file(path, SETTINGS, header="", names=iter(NAMES), resume=True) as file:
        assert (file.mark.items, file.mark.failed) == (4, 2)


def test_without_anything_to_continue_it_begins(path: Path) -> None:
    """A first command may say --continue too."""
    write(path, resume=True)
    assert path.exists()


def test_without_continue_it_begins_again(path: Path) -> None:
    """What was left is not mixed with what is written now."""
    with pytest.raises(Stopped):
        write(path, stop=2)
    write(path, names=("c.jpg",))
    assert path.read_text() == "header\n'c.jpg'\n"


def test_other_settings_are_refused(path: Path) -> None:
    """What differs is named, and the file stays for the right command."""
    with pytest.raises(Stopped):
        write(path, stop=2)
    before = partial(path).read_bytes()
    other = {**SETTINGS, "top": 3, "threshold": "\x1b"}
    with (
        pytest.raises(UsageError) as caught,
        resumable_file(path, other, header="", names=iter(NAMES), resume=True),
    ):
        pass
    assert caught.value.message == (
        f"{partial(path)} was started with other options: top 5, now 3; threshold none, now \\x1b"
    )
    assert partial(path).read_bytes() == before


@pytest.mark.parametrize("names", [("b.jpg", "a.jpg"), ("a.jpg",), ()])
def test_other_photos_are_refused(path: Path, names: tuple[str, ...]) -> None:
    """The photos it holds must be the first ones asked for."""
    with pytest.raises(Stopped):
        write(path, stop=2)
    with pytest.raises(UsageError, match="starts with other photos than those given"):
        write(path, resume=True, names=names)


def test_more_photos_are_answered(path: Path) -> None:
    """The list may have grown at its end."""
    with pytest.raises(Stopped):
        write(path, stop=2)
    write(path, resume=True, names=(*NAMES, "new.jpg"))
    assert path.read_text().endswith("'new.jpg'\n")


def test_one_process_at_a_time(path: Path) -> None:
    """A second one is refused and leaves the first one's file alone."""
    with (
        resumable_file(path, SETTINGS, header="mine\n", names=iter(()), resume=False),
        pytest.raises(RunError, match="another process is writing"),
    ):
        write(path)
    assert path.read_text() == "mine\n"


@pytest.mark.parametrize("content", ["[]\n", "{\n", '{"top": 5}\n', "null\n3\n"])
def test_a_damaged_progress_is_reported(path: Path, content: str) -> None:
    """What no process of ours wrote is refused, not guessed at."""
    partial(path).write_text("header\n")
    progress(path).write_text(content)
    with pytest.raises((RunError, UsageError)):
        write(path, resume=True)
    assert partial(path).read_text() == "header\n"


def test_what_can_not_be_written_is_reported(tmp_path: Path) -> None:
    """A folder that is missing is named, and none is made."""
    with pytest.raises(RunError, match="no folder"):
        write(tmp_path / "none" / "out")
    assert not list(tmp_path.iterdir())


def test_nothing_done_leaves_nothing(path: Path) -> None:
    """Where the first photo is not answered yet, no file is left."""
    with pytest.raises(Stopped):
        write(path, stop=0, names=())
    assert not list(path.parent.iterdir())


def test_the_progress_is_of_plain_numbers(path: Path) -> None:
    """Each line says bytes, items, failures and a digest: nothing of a stranger's name."""
    with pytest.raises(Stopped):
        write(path, stop=4)
    first, *marks = map(json.loads, progress(path).read_text().splitlines())
    assert first == SETTINGS
    assert marks[-1]["bytes"] == partial(path).stat().st_size
    assert [(each["items"], each["failed"]) for each in marks] == [(2, 1), (4, 2)]


def test_a_full_disk_is_reported(path: Path) -> None:
    """What fitted stays, and can be continued when there is room again."""
    code = (
        "import resource, sys, pathlib, tests.workflows.test_growing as test\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))\n"
        "test.write(pathlib.Path(sys.argv[1]), names=[f'{n:90}' for n in range(8)])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        check=False,
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert process.stderr.splitlines()[-1] == (
        f"imgrec.errors.RunError: {path} can't be written: file too large"
    )
    assert not path.exists()
    write(path, names=[f"{n:90}" for n in range(8)], resume=True)
    assert path.read_text().count("\n") == 9


@pytest.mark.parametrize(
    "changed", [{"bytes": -5}, {"bytes": 0.5}, {"items": "1"}, {"items": 10**30}, {"items": -1}]
)
def test_a_progress_that_no_process_wrote_is_reported(
    path: Path, changed: dict[str, object]
) -> None:
    """Its settings may be right."""
    with pytest.raises(Stopped):
        write(path, stop=2)
    settings, *_ = progress(path).read_text().splitlines()
    mark = {"bytes": 0, "items": 0, "failed": 0, "names": ""} | changed
    progress(path).write_text(f"{settings}\n{json.dumps(mark)}\n")
    with pytest.raises(RunError, match="progress is damaged"):
        write(path, resume=True)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("beside", [partial, progress])
def test_no_link_is_followed(path: Path, beside: Callable[[Path], Path]) -> None:
    """In a folder where others write, a link under either name could lead to any file."""
    victim = path.with_name("victim")
    victim.write_text("mine")
    beside(path).symlink_to(victim)
    write(path)
    assert (victim.read_text(), path.read_text()[:6]) == ("mine", "header")
    path.unlink()
    beside(path).symlink_to(victim)
    with pytest.raises(RunError, match=r"out\.csv can't be written: too many levels"):
        write(path, resume=True)
    assert victim.read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_private_file_stays_private(path: Path) -> None:
    """The files beside it are so, too, while it is written."""
    path.touch()
    path.chmod(0o600)
    with pytest.raises(Stopped):
        write(path, stop=2)
    assert [each.stat().st_mode & 0o777 for each in (partial(path), progress(path))] == [0o600] * 2
    write(path, resume=True)
    assert path.stat().st_mode & 0o777 == 0o600
