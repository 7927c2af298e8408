"""Cache files are shared, renewed, bounded, and survive whoever dies while writing one."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.data.cache import NoRoom
from imgrec.data.cache.pixel_file import Cached, open_cached
from imgrec.data.cache_files import cache_folder
from imgrec.data.images import ImageSpec, decode
from imgrec.data.records import Record
from imgrec.progress import Silent
from imgrec.versions import DECODER

SPEC = ImageSpec(10, 10, 3)
LIMIT = 10**9


@pytest.fixture
def records(images: Callable[..., Path]) -> list[Record]:
    """Twenty images."""
    names = [f"{number:02d}.png" for number in range(20)]
    root = images(*names)
    return [Record(name, 0, root / name) for name in names]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for caches that isn't there yet."""
    return tmp_path / "of mine" / "cache"


def _open(
    records: list[Record], folder: Path, spec: ImageSpec = SPEC, limit: int = LIMIT
) -> Cached:
    return open_cached(records, spec, folder, limit, Silent())


def _taken(cached: Cached) -> object:
    return cached.images[cached.rows]


def _expected(records: list[Record]) -> object:
    return np.stack([decode(record.source, SPEC) for record in records])


def test_a_later_training_reuses_the_file(records: list[Record], folder: Path) -> None:
    """Also one that has the images in another order: each finds its own."""
    first = _open(records, folder)
    turned = records[::-1]
    again = _open(turned, folder)
    assert (first.reused, again.reused) == (False, True)
    assert first.path == again.path
    np.testing.assert_array_equal(_taken(again), _expected(turned))
    assert again.verdicts == first.verdicts[::-1]


def test_reuse_reads_no_image(records: list[Record], folder: Path) -> None:
    """Of the images, only the status is read."""
    _open(records, folder)
    opened: list[object] = []
    sys.addaudithook(lambda event, given: opened.append(given[0]) if event == "open" else None)
    again = _open(records, folder)
    assert again.reused
    assert str(again.path) in map(str, opened)
    assert not set(map(str, opened)) & {str(record.source) for record in records}


@pytest.mark.parametrize("moved", [False, True], ids=["written", "moved"])
def test_an_image_replaced_with_its_size_and_time_kept_is_noticed(
    records: list[Record], folder: Path, *, moved: bool
) -> None:
    """Its pixels and its SHA-256 are those of the new file."""
    first = _open(records, folder)
    source, other = records[3].source, records[4].source
    assert isinstance(source, Path)
    assert isinstance(other, Path)
    before, content = source.stat(), other.read_bytes()
    assert len(content) == before.st_size
    target = source.with_name("other") if moved else source
    target.write_bytes(content)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    target.replace(source)
    again = _open(records, folder)
    assert not again.reused
    assert again.verdicts[3] == again.verdicts[4] == first.verdicts[4]
    np.testing.assert_array_equal(_taken(again), _expected(records))


@pytest.mark.parametrize("change", ["other pixels", "gone", "one more", "one less"])
def test_a_change_is_noticed(records: list[Record], folder: Path, change: str) -> None:
    """The file is written again, with what is there now; who had the old one keeps it."""
    old = _open(records, folder)
    before = np.array(_taken(old))
    file = records[3].source
    assert isinstance(file, Path)
    if change == "other pixels":
        Image.new("RGB", (3, 2), "white").save(file)
    elif change == "gone":
        file.unlink()
    elif change == "one more":
        records = [*records, Record("new", 0, np.zeros((2, 2), np.uint8))]
    else:
        records = records[1:]
    new = _open(records, folder)
    assert not new.reused
    assert _open(records, folder).reused
    there = [record for record in records if not (change == "gone" and record.source == file)]
    np.testing.assert_array_equal(_taken(new), _expected(there))
    np.testing.assert_array_equal(_taken(old), before)


def test_pixels_of_another_decoder_are_another_file(
    records: list[Record], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new version of the decoder reuses none of the old one's."""
    first = _open(records, folder)
    monkeypatch.setattr("imgrec.versions.DECODER", DECODER + 1)
    second = _open(records, folder)
    assert not second.reused
    assert second.path != first.path


def test_pixels_of_another_form_are_another_file(records: list[Record], folder: Path) -> None:
    """Size and interpolation count, as do the pixels of an array."""
    specs = [SPEC, ImageSpec(10, 11, 3), ImageSpec(10, 10, 1), ImageSpec(10, 10, 3, "nearest")]
    paths = {_open(records, folder, spec).path for spec in specs}
    for shade in (0, 1):
        paths.add(_open([Record("a", 0, np.full((2, 2), shade, np.uint8))], folder).path)
    assert len(paths) == 6


def test_a_file_that_becomes_readable_is_noticed(
    records: list[Record], folder: Path, tmp_path: Path
) -> None:
    """Even if its size and time stay: a verdict against an image is always checked again."""
    broken = tmp_path / "broken.png"
    Image.new("RGB", (3, 2), "white").save(broken)
    good = broken.read_bytes()
    broken.write_bytes(b"x" * len(good))
    os.utime(broken, ns=(0, 0))
    records = [*records, Record("broken.png", 0, broken)]
    assert len(_open(records, folder).rows) == 20
    assert _open(records, folder).reused
    broken.write_bytes(good)
    os.utime(broken, ns=(0, 0))
    found = _open(records, folder)
    assert not found.reused
    assert len(found.rows) == 21


def test_a_damaged_file_is_replaced(records: list[Record], folder: Path) -> None:
    """Nothing is read from it."""
    path = _open(records, folder).path
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    again = _open(records, folder)
    assert not again.reused
    np.testing.assert_array_equal(_taken(again), _expected(records))


def _sized(folder: Path, side: int, shade: int = 0, limit: int = LIMIT) -> Cached:
    """A file of one image of `side` x `side` pixels, 3 bytes each, of one shade."""
    record = Record("a", 0, np.full((2, 2), shade, np.uint8))
    return _open([record], folder, ImageSpec(side, side, 3), limit)


def test_the_file_not_used_for_longest_is_removed(folder: Path) -> None:
    """Of three of 300 kB below 1 MB the fourth removes one: not the first, used again since."""
    paths = []
    for age in range(3):
        paths.append(_sized(folder, 310, age).path)
        os.utime(paths[age], ns=(0, age))
    assert _sized(folder, 310, 0).reused
    gc.collect()
    new = _sized(folder, 310, 3, limit=10**6).path
    assert sorted(folder.glob("*.pixels")) == sorted([paths[0], paths[2], new])


def test_a_file_in_use_is_never_removed(folder: Path) -> None:
    """Another one goes, though used later; where none can go, there is no room."""
    used = _sized(folder, 500, 0)
    os.utime(used.path, ns=(0, 0))
    other = _sized(folder, 500, 1).path
    gc.collect()
    new = _sized(folder, 500, 2, limit=1_600_000)
    assert not other.exists()
    with pytest.raises(NoRoom, match=r"limit is 1,600,000"):
        _sized(folder, 500, 3, limit=1_600_000)
    assert sorted(folder.glob("*.pixels")) == sorted([used.path, new.path])
    assert (used.images == 0).all()


def test_data_above_the_limit_removes_nothing(folder: Path) -> None:
    """It would be in vain."""
    path = _sized(folder, 300).path
    gc.collect()
    with pytest.raises(NoRoom):
        _sized(folder, 900, limit=10**6)
    assert path.exists()


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its own variable first, then the system's custom."""
    for name in ("IMGREC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "imgrec"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/imgrec")
    monkeypatch.setenv("IMGREC_CACHE", "/mine")
    assert cache_folder() == Path("/mine")


# Opens the images below a folder; pauses after the tenth if asked to.
_PROCESS = """
import contextlib, logging, pathlib, sys
from imgrec.data.cache.pixel_file import open_cached
from imgrec.data.images.decoder import ImageSpec
from imgrec.data.records import Record

class Pausing:
    done = 0
    def advance(self, count=1, note=""):
        self.done += count
        if self.done == 10 and pause == "pause":
            print("halfway", flush=True)
            sys.stdin.readline()
    @contextlib.contextmanager
    def task(self, title, total, unit="images"):
        yield self

root, folder, pause = sys.argv[1:]
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
records = [Record(path.name, 0, path) for path in sorted(pathlib.Path(root).glob("*.png"))]
cached = open_cached(records, ImageSpec(10, 10, 3), pathlib.Path(folder), 10**9, Pausing())
print("reused" if cached.reused else "written", len(cached.rows), flush=True)
"""


@contextmanager
def _process(
    records: list[Record], folder: Path, mode: str = ""
) -> Iterator[subprocess.Popen[str]]:
    assert isinstance(records[0].source, Path)
    command = [sys.executable, "-c", _PROCESS, str(records[0].source.parent), str(folder), mode]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.long
def test_of_two_trainings_at_once_the_second_waits(records: list[Record], folder: Path) -> None:
    """It says so, and then uses what the first has written."""
    with ExitStack() as stack:
        first = stack.enter_context(_process(records, folder, "pause"))
        assert _line(first) == "halfway"
        second = stack.enter_context(_process(records, folder))
        assert _line(second).startswith("waiting for another process that writes ")
        assert not list(folder.glob("*.pixels"))
        first.communicate("go on\n")
        assert _line(second) == "reused 20"


def test_two_trainings_at_once_on_other_data_do_not_wait(
    records: list[Record], folder: Path
) -> None:
    """Nor does one remove what the other is writing."""
    with _process(records, folder, "pause") as first:
        assert _line(first) == "halfway"
        other = _open(records[:5], folder)
        assert not other.reused
        assert len(list(folder.glob("*.partial"))) == 1
        output, _ = first.communicate("go on\n")
        assert output == "written 20\n"
    assert _open(records, folder).reused


@pytest.mark.parametrize("next_data", ["the same", "other"])
def test_one_killed_while_writing_leaves_no_trace(
    records: list[Record], folder: Path, next_data: str
) -> None:
    """The next one, on the same data or on other, removes what was left and writes it whole."""
    with _process(records, folder, "pause") as process:
        assert _line(process) == "halfway"
        process.kill()
        process.wait()
    assert list(folder.glob("*.partial"))
    assert not list(folder.glob("*.pixels"))
    mine = records if next_data == "the same" else records[:7]
    found = _open(mine, folder)
    assert not found.reused
    np.testing.assert_array_equal(_taken(found), _expected(mine))
    assert {path.suffix for path in folder.iterdir()} <= {".pixels", ".lock"}


def test_one_stopped_while_writing_clears_up(records: list[Record], folder: Path) -> None:
    """Ctrl-C leaves no partial file; the error is the caller's."""

    class Stopping(Silent):
        def advance(self, count: int = 1, note: str = "") -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_cached(records, SPEC, folder, LIMIT, Stopping())
    assert {path.suffix for path in folder.iterdir()} <= {".lock"}
    assert not _open(records, folder).reused


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_folder_that_others_write_to_is_not_used(
    records: list[Record], folder: Path, mode: int
) -> None:
    """They could put any pixels there."""
    folder.mkdir(parents=True)
    folder.chmod(mode)
    with pytest.raises(OSError, match=r"other users own it, or may write to it \(chmod go-w\)"):
        _open(records, folder)
    assert not list(folder.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_file_that_others_write_to_is_written_again(records: list[Record], folder: Path) -> None:
    """So is one that somebody else owns, whatever it holds; ours are private."""
    path = _open(records, folder).path
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    gc.collect()
    assert not _open(records, folder).reused
    assert path.stat().st_mode & 0o777 == 0o600
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        gc.collect()
        assert not _open(records, folder).reused
    gc.collect()
    assert _open(records, folder).reused


def test_only_files_of_the_cache_are_removed(records: list[Record], folder: Path) -> None:
    """A stranger's config may name any folder as that of the cache."""
    folder.mkdir(mode=0o700, parents=True)
    names = ("thesis.partial", "photo.pixels", "x.features", f"{'0' * 31}.partial")
    for name in names:
        (folder / name).write_bytes(bytes(100))
    (folder / f"{'0' * 32}.partial").touch()
    _open(records[:1], folder, limit=1300)
    assert {path.name for path in folder.iterdir() if path.suffix != ".lock"} == {
        *names,
        next(folder.glob("?" * 32 + ".pixels")).name,
    }
