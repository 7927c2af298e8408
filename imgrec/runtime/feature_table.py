"""The features of photos as a table, and its files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from imgrec.archives import check_directory
from imgrec.data.memory import check_free_memory
from imgrec.data.storage import open_file
from imgrec.errors import DataError
from imgrec.files import reason_of, write_output
from imgrec.scores import Skipped
from imgrec.text import printable

_VERSION = 1
_HINT = "`imgrec predict PHOTOS --features FILE.npz` writes such a file"


class WritableFile(Protocol):
    """A file that bytes are written to."""

    def write(self, content: bytes, /) -> int:
        """Write all of `content`; raises OSError."""

    def flush(self) -> None:
        """Pass on what was written; raises OSError."""


@dataclass(frozen=True)
class FeatureTable:
    """The features of photos, by one model.

    Args:
        photos: The names of the photos.
        identities: The SHA-256 of the content of each.
        values: float32 (photos, features).
        model: The name of the model.
        model_identity: The SHA-256 of its file, or the name of an ImageNet classifier of Keras.
        refused: The photos that can't be used, with the reasons.
        normalized: Whether the features of each photo have length 1.
    """

    photos: tuple[str, ...]
    identities: tuple[str, ...]
    values: NDArray[np.float32] = field(repr=False)
    model: str
    model_identity: str
    refused: tuple[Skipped, ...] = ()
    normalized: bool = False


def normalize(values: NDArray[np.float32]) -> None:
    """Scale each row to length 1, in place; rows of zeros stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64))
    lengths[lengths == 0] = 1
    values /= lengths.astype(np.float32)[:, np.newaxis]


def write_features(table: FeatureTable, path: Path) -> None:
    """Write a table as an .npz file, without compression; raises RunError like `write_output`."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            save_features(table, file)

    write_output(path, write)


def save_features(table: FeatureTable, file: WritableFile, **more: NDArray[Any]) -> None:
    """Write a table, and more arrays, to an open file; raises OSError."""
    arrays = {
        "schema_version": np.array(_VERSION),
        "model": _texts([table.model])[0],
        "model_identity": _texts([table.model_identity])[0],
        "normalized": np.array(table.normalized),
        "photos": _texts(table.photos),
        "sha256": _texts(table.identities),
        "refused": _texts([each.name for each in table.refused]),
        "reasons": _texts([each.reason for each in table.refused]),
        "features": table.values,
    }
    # np.savez takes no file that can't be read.
    with zipfile.ZipFile(cast("BinaryIO", file), "w") as archive:
        for name, array in {**arrays, **more}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_features(path: Path) -> FeatureTable:
    """Return the table of a file that `write_features` wrote; nothing in it is unpickled.

    Raises:
        DataError: It is another file, damaged, or larger than the free memory.
    """
    shown = printable(str(path))
    try:
        with open_file(path) as file:
            return load_features(file, shown)[0]
    except OSError as error:
        raise DataError(f"{shown} can't be read: {reason_of(error)}") from error


def load_features(file: BinaryIO, shown: str) -> tuple[FeatureTable, Mapping[str, NDArray[Any]]]:
    """Return a table, and the other arrays that were written with it, from an open file.

    Args:
        file: At its start.
        shown: What errors call it.

    Raises:
        DataError: As `read_features`.
    """
    try:
        check_directory(file)
        with np.load(file, allow_pickle=False) as loaded:
            _check_members(loaded.zip.infolist(), shown)
            arrays = {name: loaded[name] for name in loaded.files}
        return _table(arrays), arrays
    except DataError:
        raise
    except Exception as error:  # a damaged archive or header raises nearly anything
        raise DataError(
            f"{shown} is not a file of features: {reason_of(error)}", hint=_HINT
        ) from error


def _check_members(members: Sequence[zipfile.ZipInfo], shown: str) -> None:
    if any(each.compress_type != zipfile.ZIP_STORED for each in members):
        raise ValueError("it is compressed")
    check_free_memory(sum(each.file_size for each in members), shown)


def _table(arrays: Mapping[str, NDArray[Any]]) -> FeatureTable:
    """Return the table in the arrays of a file; raises ValueError or KeyError for others."""
    values = arrays["features"]
    photos, identities = (_strings(arrays[name]) for name in ("photos", "sha256"))
    refused, reasons = (_strings(arrays[name]) for name in ("refused", "reasons"))
    if int(arrays["schema_version"]) != _VERSION:
        raise ValueError(f"its schema_version is {int(arrays['schema_version'])}, not {_VERSION}")
    if values.dtype != np.float32 or values.ndim != 2:
        raise ValueError("its features are not float32 (photos, features)")
    if not len(values) == len(photos) == len(identities) or len(refused) != len(reasons):
        raise ValueError("its arrays have different lengths")
    if not np.isfinite(values).all():
        raise ValueError("its features are not all finite numbers")
    return FeatureTable(
        photos,
        identities,
        values,
        str(arrays["model"][()]),
        str(arrays["model_identity"][()]),
        tuple(map(Skipped, refused, reasons)),
        bool(arrays["normalized"]),
    )


def _texts(texts: Sequence[str]) -> NDArray[np.str_]:
    return np.array(texts, dtype=np.str_)


def _strings(array: NDArray[Any]) -> tuple[str, ...]:
    if array.dtype.kind != "U" or array.ndim != 1:
        raise ValueError("its names are not texts")
    return tuple(array.tolist())
