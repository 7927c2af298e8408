"""Labelled images in a pickle of arrays, as old tutorials ship them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgrec.data.loader import LabelMapOptions, Loader
from imgrec.data.records import RecordsBySplit
from imgrec.data.storage import cannot_read, is_folder, status
from imgrec.errors import DataError
from imgrec.text import printable

_MIB = 1 << 20


def read_pickle(file: Path, label_map: Mapping[str, str] | None = None) -> RecordsBySplit:
    """Return the images in a pickle of `X, Y`, of `X, Y, X_test, Y_test`, or a dict of arrays.

    The arrays, and what a dict may call them, are as in `from_arrays`; lists are accepted too. A
    child process with limits reads the pickle, which can need far more memory and time than its
    size says.
    Raises DataError if the pickle holds anything else: nothing that it says is run.
    """
    from imgrec.child_process import ChildFailure, ChildProcess, Limits
    from imgrec.data.sources.arrays import from_arrays
    from imgrec.data.unpickle import pickled_arrays

    try:
        size = status(file).size
    except (OSError, ValueError) as error:
        raise cannot_read(file, error) from error
    # Lists of lists of pixels take 40 bytes for each of the file, and a second for 2 MB.
    seconds = 5 + 2 * size // _MIB
    limits = Limits(1024 * _MIB + 40 * size, seconds, 10 * seconds)
    try:
        with ChildProcess(pickled_arrays, [str(file)], limits) as child:
            arrays = child.result()
    except ChildFailure as failure:
        raise DataError(
            f"{printable(str(file))} is refused: the process that read it {failure}",
            hint="save the arrays with numpy.savez instead",
        ) from failure
    return from_arrays(arrays, str(file), label_map)


LOADER = Loader(
    "pickle",
    "the same arrays as `X, Y` or `X, Y, X_test, Y_test`, or a dict of them; anything but "
    "arrays, lists, dicts, numbers and texts in it is refused",
    LabelMapOptions,
    lambda request: read_pickle(Path(request.path), request.options.label_map),
    detects=lambda path: path.lower().endswith((".pkl", ".pickle")) and not is_folder(path),
)
