"""Labelled images in NumPy's .npz files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from imgrec.archives import check_directory
from imgrec.data.loader import LabelMapOptions, Loader
from imgrec.data.records import RecordsBySplit
from imgrec.data.sources.unpacked import check_unpacked
from imgrec.data.storage import cannot_read, is_folder, open_file, status
from imgrec.errors import DataError
from imgrec.text import printable

if TYPE_CHECKING:
    from numpy.lib.npyio import NpzFile
    from numpy.typing import NDArray

_HINT = "save it with np.savez, which does not compress"


def read_npz(file: Path, label_map: Mapping[str, str] | None = None) -> RecordsBySplit:
    """Return the images in the arrays of an .npz file; nothing in it is unpickled.

    Raises DataError if it can't be read, and like `from_arrays`.
    """
    import numpy as np

    from imgrec.data.sources.arrays import from_arrays

    try:
        with open_file(file) as stream:
            _check_zip(stream, file)
            with np.load(stream, allow_pickle=False) as loaded:
                # No more is read of a member than it claims.
                claimed = sum(each.file_size for each in loaded.zip.infolist())
                check_unpacked(file, status(stream).size, claimed, _HINT)
                arrays = {name: _array(loaded, name, file) for name in loaded.files}
    except DataError:
        raise
    except Exception as error:  # a damaged archive or header raises nearly anything
        if isinstance(error, ValueError) and "pickle" in str(error).lower():
            raise DataError(
                f"{printable(str(file))} can't be read: it holds Python objects, which could run "
                f"anything when loaded"
            ) from error
        raise cannot_read(file, error) from error
    return from_arrays(arrays, str(file), label_map)


def _check_zip(stream: BinaryIO, file: Path) -> None:
    """Raise DataError for what NumPy takes for a single array or a pickle; rewind `stream`."""
    from imgrec.data.sources.arrays import FORM

    if not zipfile.is_zipfile(stream):
        raise DataError(
            f"{printable(str(file))} is not an .npz file, or was cut short",
            hint=f"it should hold {FORM}",
        )
    check_directory(stream)


def _array(loaded: NpzFile, name: str, file: Path) -> NDArray[Any]:
    import numpy as np

    array = np.asarray(loaded[name])
    if array.size and not array.nbytes:  # any number of empty texts takes no bytes
        raise DataError(f"{printable(str(file))}: {printable(name)} has {array.size:,} empty texts")
    return array


LOADER = Loader(
    "npz",
    "NumPy arrays `x` and `y` (or `images` and `labels`), also `x_train`, `y_train`, `x_test`, "
    "`y_test`, `x_val`, `y_val`; optionally `classes`, the names",
    LabelMapOptions,
    lambda request: read_npz(Path(request.path), request.options.label_map),
    detects=lambda path: path.lower().endswith(".npz") and not is_folder(path),
)
