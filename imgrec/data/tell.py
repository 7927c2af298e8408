"""Which loader reads a source, told from its path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from imgrec.config.sources import KERAS_SETS, Loader
from imgrec.data.idx import is_idx_folder
from imgrec.data.tfrecord import is_pattern, is_tfrecord, is_tfrecord_folder
from imgrec.errors import DataError
from imgrec.text import shown

_SUFFIXES: dict[str, Loader] = {
    ".csv": "csv",
    ".npz": "npz",
    ".pkl": "pickle",
    ".pickle": "pickle",
}
_IDX = re.compile(r"[.-]idx\d(-ubyte)?(\.gz)?$", re.IGNORECASE)


def told_from(path: str, key: str = "") -> Loader:
    """Return the loader for what stands at `path`, a file, folder or pattern.

    key: of the config that names the path, if one does. Raises DataError, naming the loaders,
    where the path doesn't tell.
    """
    place = Path(path)
    if place.is_dir():
        return _of_folder(place)
    if is_tfrecord(place.name) or (is_pattern(path) and not place.exists()):
        return "tfrecord"
    if _IDX.search(place.name):
        return "idx"
    if suffix := _SUFFIXES.get(place.suffix.lower()):
        return suffix
    raise _untold(path, place, key)


def _of_folder(folder: Path) -> Loader:
    try:
        if is_idx_folder(folder):
            return "idx"
        return "tfrecord" if is_tfrecord_folder(folder) else "folder"
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"{shown(str(folder))} can't be read: {reason}") from error


def _untold(path: str, place: Path, key: str) -> DataError:
    loaders = f"set data.loader to one of {', '.join(get_args(Loader))}"
    if path in KERAS_SETS:
        return DataError(
            f"no folder {path}", hint=f"data.loader: keras fetches Keras' own data set {path}"
        )
    if not place.exists():
        also = f", or name another: --set {key}=FOLDER" if key else ""
        return DataError(f"no folder {shown(path)}", hint=f"check the path{also}")
    return DataError(
        f"what reads {shown(path)} can't be told from its name", hint=f"for a file, {loaders}"
    )
