"""Labelled images in a pickle of arrays, as old tutorials ship them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgrec.data.loader import Loader
from imgrec.data.records import RecordsBySplit
from imgrec.data.storage import is_folder
from imgrec.errors import DataError
from imgrec.sections.section import Section
from imgrec.text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAMES = {2: ("X", "Y"), 4: ("X", "Y", "X_test", "Y_test")}


def read_pickle(file: Path) -> RecordsBySplit:
    """Return the images in a pickle of `X, Y`, of `X, Y, X_test, Y_test`, or a dict of arrays.

    The arrays, and what a dict may call them, are as in `from_arrays`; lists will do too.
    Raises DataError where the pickle holds anything else: nothing that it says is run.
    """
    from imgrec.data.sources.arrays import from_arrays
    from imgrec.data.sources.unpickle import load_pickle

    content = load_pickle(file)
    if isinstance(content, (list, tuple)) and len(content) in _NAMES:
        content = dict(zip(_NAMES[len(content)], content, strict=True))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        count = f" of {len(content)}" if isinstance(content, (list, tuple)) else ""
        raise DataError(
            f"{printable(str(file))} holds a {type(content).__name__}{count}",
            hint="it should hold X, Y or X, Y, X_test, Y_test, or a dict with such keys",
        )
    arrays = {key: _array(value, f"{file}, {key}") for key, value in content.items()}
    return from_arrays(arrays, str(file))


def _array(value: Any, where: str) -> NDArray[Any]:
    import numpy as np

    try:
        return np.asarray(value)
    except MemoryError as error:
        raise DataError(f"{printable(where)}: takes more memory than there is") from error
    except ValueError as error:
        raise DataError(
            f"{printable(where)}: a list whose parts differ in size", hint="it should be an array"
        ) from error


LOADER = Loader(
    "pickle",
    "the same arrays as `X, Y` or `X, Y, X_test, Y_test`, or a dict of them; anything but "
    "arrays, lists, dicts, numbers and texts in it is refused",
    Section,
    lambda request: read_pickle(Path(request.path)),
    detects=lambda path: path.lower().endswith((".pkl", ".pickle")) and not is_folder(path),
)
