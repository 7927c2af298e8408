"""MNIST's idx files: a big-endian header, then the bytes; gzipped or not."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from imgrec.data.classes import with_findings
from imgrec.data.left_out import besides
from imgrec.data.loader import LabelMapOptions, Loader
from imgrec.data.records import ALL_SPLITS, RecordsBySplit
from imgrec.data.sources.unpacked import check_unpacked
from imgrec.data.storage import cannot_read, entries, is_file, is_folder, open_file, status
from imgrec.errors import DataError
from imgrec.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The usual names, with a dot or a hyphen before idx; EMNIST puts its own name before them.
_USUAL = re.compile(r"(?:^|-)(train|t10k|test)-images[-.]idx3-ubyte(?:\.gz)?$")
_PARTS = {"train": "train", "t10k": "test", "test": "test"}

_ANY = re.compile(r"[.-]idx\d(-ubyte)?(\.gz)?$", re.IGNORECASE)

_UNSIGNED_BYTES = 8


def read_idx(path: Path, label_map: Mapping[str, str] | None = None) -> RecordsBySplit:
    """Return the images of a folder of MNIST's files by split, or those of one images file.

    Labels are in the file beside the images whose name has `labels` and `idx1` instead of
    `images` and `idx3`, gzipped or not. Classes are the numbers that occur, or their names in
    `label_map`.

    Raises DataError if a file is missing, cut short, or not an idx file, or if counts differ.
    """
    if not is_folder(path):
        return {ALL_SPLITS: _read_pair(path, label_map)[ALL_SPLITS]}
    found: dict[str, Path] = {}
    for entry, _ in entries(path):
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
    parts = {
        part: _read_pair(found[part], label_map)[ALL_SPLITS]
        for part in _PARTS.values()
        if part in found
    }
    images = [found[part] for part in parts]
    return with_findings(parts, besides(path, [*images, *map(_labels_beside, images)], path))


def _read_pair(images: Path, label_map: Mapping[str, str] | None) -> RecordsBySplit:
    from imgrec.data.sources.arrays import from_arrays

    pixels = _array(images, 3)
    labels = _array(_labels_beside(images), 1)
    return from_arrays({"images": pixels, "labels": labels}, str(images), label_map)


def _labels_beside(images: Path) -> Path:
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for beside in (images.with_name(name), images.with_name(f"{name}.gz")):
        if beside != images and is_file(beside):
            return beside
    raise DataError(
        f"no labels beside {printable(str(images))}",
        hint=f"they belong in {printable(name)} or {printable(name)}.gz in the same folder",
    )


def _array(file: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array in an idx file of unsigned bytes with this number of dimensions."""
    import numpy as np

    header = 4 + 4 * dimensions
    try:
        with open_file(file) as raw, _unpacked(raw) as stream:
            start = stream.read(header)
            shape = _shape(file, start, dimensions)
            size = math.prod(shape)
            packed = status(raw).size
            most = min(size, packed) if stream is raw else size
            check_unpacked(file, packed, most, "unpack it with gunzip")
            content = stream.read(most + 1)
    except (OSError, EOFError, zlib.error, MemoryError) as error:
        raise cannot_read(file, error) from error
    if len(content) != size:
        found = "more" if len(content) > size else f"only {len(content)}"
        raise DataError(
            f"{printable(str(file))}: {size} bytes should follow the header, and there are {found}",
            hint="the file is damaged: fetch it again",
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(file: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    magic = bytes([0, 0, _UNSIGNED_BYTES, dimensions])
    if header[:4] != magic or len(header) != 4 + 4 * dimensions:
        raise DataError(
            f"{printable(str(file))} begins with {header[:4].hex() or 'nothing'}, "
            f"not with {magic.hex()}: not an idx file of unsigned bytes in {dimensions} dimensions"
        )
    return struct.unpack_from(f">{dimensions}I", header, 4)


def _unpacked(file: BinaryIO) -> gzip.GzipFile | BinaryIO:
    gzipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if gzipped else file


def _detects(path: str) -> bool:
    if is_folder(path):
        return any(_USUAL.search(entry.name) for entry, _ in entries(Path(path)))
    return _ANY.search(Path(path).name) is not None


LOADER = Loader(
    "idx",
    "MNIST's files, gzipped or not, or a folder of them",
    LabelMapOptions,
    lambda request: read_idx(Path(request.path), request.options.label_map),
    detects=_detects,
)
