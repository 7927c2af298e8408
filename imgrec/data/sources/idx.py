"""MNIST's idx files: a big-endian header, then the bytes; gzipped or not."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgrec.data.records import ALL_SPLITS, RecordsBySplit
from imgrec.data.sources.arrays import from_arrays
from imgrec.errors import DataError
from imgrec.text import printable

# The usual names, with a dot or a hyphen before idx; EMNIST puts its own name before them.
_USUAL = re.compile(r"(?:^|-)(train|t10k|test)-images[-.]idx3-ubyte(?:\.gz)?$")
_PARTS = {"train": "train", "t10k": "test", "test": "test"}

_UNSIGNED_BYTES = 8


def is_idx_folder(folder: Path) -> bool:
    """Say whether `folder` holds images under MNIST's usual names."""
    return any(_USUAL.search(entry.name) for entry in folder.iterdir())


def read_idx(path: Path) -> RecordsBySplit:
    """Return the images of a folder of MNIST's files by part, or those of one images file.

    Labels are in the file beside the images that is called `labels` and `idx1` where theirs is
    called `images` and `idx3`, gzipped or not. Classes are the numbers that occur.

    Raises DataError where a file is missing, cut, or no such file, or counts don't fit.
    """
    if not path.is_dir():
        return {ALL_SPLITS: _read_pair(path)[ALL_SPLITS]}
    found: dict[str, Path] = {}
    for entry in sorted(path.iterdir()):
        if match := _USUAL.search(entry.name):
            part = _PARTS[match[1]]
            if part in found:
                both = f"{printable(found[part].name)} and {printable(entry.name)}"
                raise DataError(
                    f"{printable(str(path))} holds both {both}, and either may be the {part} "
                    f"images",
                    hint="remove one of them, or name the files with data.train and data.test",
                )
            found[part] = entry
    if not found:
        raise DataError(
            f"no idx files in {printable(str(path))}",
            hint="MNIST's are called train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, ...",
        )
    return {part: _read_pair(found[part])[ALL_SPLITS] for part in _PARTS.values() if part in found}


def _read_pair(images: Path) -> RecordsBySplit:
    pixels = _array(images, 3)
    labels = _array(_labels_beside(images), 1)
    return from_arrays({"images": pixels, "labels": labels}, str(images))


def _labels_beside(images: Path) -> Path:
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for beside in (images.with_name(name), images.with_name(f"{name}.gz")):
        if beside != images and beside.is_file():
            return beside
    raise DataError(
        f"no labels beside {printable(str(images))}",
        hint=f"they belong into {printable(name)} or {printable(name)}.gz in the same folder",
    )


def _array(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return what an idx file of unsigned bytes holds, in so many dimensions."""
    header = 4 + 4 * dimensions
    try:
        with gzip.open(file) if _is_gzipped(file) else file.open("rb") as stream:
            start = stream.read(header)
            shape = _shape(file, start, dimensions)
            size = int(np.prod([int(side) for side in shape], dtype=object))
            content = stream.read(size + 1)
    except (OSError, EOFError, zlib.error, OverflowError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{printable(str(file))} can't be read: {reason.lower()}") from error
    if len(content) != size:
        found = "more" if len(content) > size else f"only {len(content)}"
        raise DataError(
            f"{printable(str(file))}: the header tells of {size} bytes after it, "
            f"and there are {found}",
            hint="the file is damaged: fetch it again",
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(file: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    magic = bytes([0, 0, _UNSIGNED_BYTES, dimensions])
    if header[:4] != magic or len(header) != 4 + 4 * dimensions:
        raise DataError(
            f"{printable(str(file))} begins with {header[:4].hex() or 'nothing'}, "
            f"not with {magic.hex()}: no idx file of unsigned bytes in {dimensions} dimensions"
        )
    return tuple(int(side) for side in np.frombuffer(header, ">u4", offset=4))


def _is_gzipped(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"
