"""Data files that would take too much time or memory are refused, with the limit they break."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from imgrec.data.tfrecord.framing import masked
from tests.data.tfrecord_writer import write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")

READ = """
import json, resource, sys
from imgrec.data.loader import Request
from imgrec.data.sources import detect_loader
from imgrec.errors import DataError
from imgrec.models.class_lists import read_classes
from pathlib import Path
import numpy, imgrec.data.sources.arrays

def read(path):
    try:
        if path.endswith((".txt", ".json")):
            read_classes(Path(path))
        loader = detect_loader(path)
        loader.read(Request(path, loader.options()))
    except DataError as error:
        return error.message

resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
json.dump({path: read(path) for path in sys.argv[1:]}, sys.stdout)
"""
MEBI = 1 << 20
BLANKS = " " * 130_000
ACCENTS = "\u0301\u0327" * 65_000


def zeros(file: IO[bytes] | gzip.GzipFile, mebibytes: int) -> None:
    """Write so many MiB of zeros."""
    for _ in range(mebibytes):
        file.write(bytes(MEBI))


def npz(path: Path, **arrays: tuple[tuple[int, ...], str, int]) -> None:
    """Write a compressed .npz file; of each array the shape, the type and its MiB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (shape, dtype, mebibytes) in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                header = {"descr": dtype, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                zeros(file, mebibytes)


def many_bytes(path: Path) -> None:
    """100 MiB of zeros in 100 kB."""
    npz(path, x=((100, 1024, 1024), "|u1", 100), y=((100,), "|u1", 0))


def many_texts(path: Path) -> None:
    """A trillion texts without a character."""
    pixels = (MEBI, 1, 1)
    npz(path, x=(pixels, "|u1", 1), y=(pixels[:1], "|u1", 1), classes=((10**12,), "<U0", 0))


def many_images(path: Path) -> None:
    """4 million images of a pixel."""
    npz(path, x=((4 * MEBI, 1, 1), "|u1", 4), y=((4 * MEBI,), "|u1", 4))


def many_digits(path: Path) -> None:
    """A label of 5,000 digits."""
    np.savez(path, x=np.zeros((2, 1, 1), np.uint8), y=np.array(["1" * 5000, "2"]))


def gzipped(path: Path) -> None:
    """100 MiB of zeros in 100 kB, with labels beside them."""
    with gzip.open(path, "w") as file:
        file.write(bytes([0, 0, 8, 3]) + struct.pack(">3I", 100, 1024, 1024))
        zeros(file, 100)
    path.with_name("labels-idx1-ubyte").touch()


def text(content: str) -> Callable[[Path], object]:
    """Return what writes a text."""
    return lambda path: path.write_text(content, "utf-8")


def table(rows: str, columns: str = "path,label") -> Callable[[Path], object]:
    """Return what writes a CSV file."""
    return text(f"{columns}\n{rows}")


def long_record(path: Path) -> None:
    """A record of 2 GiB that take no disk."""
    length = struct.pack("<Q", 2 << 30)
    with path.open("wb") as file:
        file.write(length + struct.pack("<I", masked(length)))
        file.truncate((2 << 30) + 16)


def many_values(path: Path) -> None:
    """A record with 1.1 million whole numbers."""
    write(path, [{"image": b"", "label": [0] * 1_100_000}])


def nested(path: Path) -> None:
    """A manifest of 100,000 lists in one another."""
    path.mkdir()
    (path / "manifest.json").write_text("[" * 100_000)
    (path / "a.tfrecord").touch()


CASES: Sequence[tuple[str, Callable[[Path], object], str]] = (
    ("bytes.npz", many_bytes, "would expand from"),
    ("texts.npz", many_texts, "classes has 1,000,000,000,000 empty texts"),
    ("images.npz", many_images, "the names and labels of 4,194,304 images would take 4.2 GB"),
    ("digits.npz", many_digits, "the name of a class has 5,000 characters, and at most 1,000"),
    ("images-idx3-ubyte.gz", gzipped, "would expand from"),
    ("columns.csv", table("", "path,label" + ",a" * 20_000), "20,002 columns, and at most 10,000"),
    ("line.csv", table("a" * 2 * MEBI), "line 2: longer than 1,048,576 characters"),
    ("cells.csv", table('"' + '""' * 200_000 + '",a'), "not CSV (field larger than"),
    ("rows.csv", table("a,b\n" * 2_000_000), "would take 3.4 GB of memory"),
    ("path.csv", table(f"{ACCENTS},a"), "the path has 130,000 characters, and at most 4,096"),
    ("label.csv", table(f"bytes.npz,{ACCENTS}"), "the name of a class has 130,000 characters"),
    (
        "blanks.csv",
        table(f"bytes.npz,b{BLANKS}c"),
        "the name of a class has 130,002 characters",
    ),
    ("names.csv", table("a,b,c", f"path,label,{ACCENTS}"), "column has 130,000 characters"),
    ("long.tfrecord", long_record, "has 2,147,483,648 bytes, and at most 1,073,741,824"),
    ("values.tfrecord", many_values, "more than 1,000,000 fields and whole numbers"),
    ("lines.txt", text("a" + "\n" * MEBI + "\x0b"), "contains 1 class name"),
    ("item.txt", text("item" + " " * MEBI), "contains 1 class name"),
    ("quotes.txt", text('item {name: "' + '\\"' * MEBI), "has no closing quote"),
    ("keys.txt", text("item {" + "a: 1 " * MEBI + "}"), "an item has no name"),
    ("name.txt", text(f"cat\n{ACCENTS}"), "a name has 130,000 characters, and at most 1,000"),
    ("nested.json", text("[" * MEBI), "it is not valid JSON: it is nested too deeply"),
    ("digits.json", text("[" + "1" * 5000 + "]"), "has too many digits"),
    ("pack", nested, "manifest.json is not a manifest of `imgrec data pack`"),
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What a process with 3 GiB of memory and a minute of time answers to each file."""
    folder = tmp_path_factory.mktemp("limits")
    for name, make, _ in CASES:
        make(folder / name)
    paths = [str(folder / name) for name, *_ in CASES]
    done = subprocess.run(
        [sys.executable, "-c", READ, *paths], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {Path(path).name: answer for path, answer in json.loads(done.stdout).items()}


@pytest.mark.long
@pytest.mark.parametrize(("name", "_make", "message"), CASES, ids=[name for name, *_ in CASES])
def test_what_takes_too_much_is_refused(
    answers: Mapping[str, str], name: str, _make: object, message: str
) -> None:
    """The message names the limit and what was found."""
    assert message in answers[name]
