"""Labelled images in a pickle of arrays, as old tutorials ship them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data import unpickle
from imgrec.data.arrays import from_arrays
from imgrec.data.parts import Parts
from imgrec.errors import DataError
from imgrec.text import shown

_NAMES = {2: ("X", "Y"), 4: ("X", "Y", "X_test", "Y_test")}


def read_pickle(file: Path) -> Parts:
    """Return the images in a pickle of `X, Y`, of `X, Y, X_test, Y_test`, or a dict of arrays.

    The arrays, and what a dict may call them, are as in `from_arrays`; lists will do too.
    Raises DataError where the pickle holds anything else: nothing that it says is run.
    """
    content = unpickle.load(file)
    if isinstance(content, (list, tuple)) and len(content) in _NAMES:
        content = dict(zip(_NAMES[len(content)], content, strict=True))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        count = f" of {len(content)}" if isinstance(content, (list, tuple)) else ""
        raise DataError(
            f"{shown(str(file))} holds a {type(content).__name__}{count}",
            hint="it should hold X, Y or X, Y, X_test, Y_test, or a dict with such keys",
        )
    arrays = {key: _array(value, f"{file}, {key}") for key, value in content.items()}
    return from_arrays(arrays, str(file))


def _array(value: Any, where: str) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except MemoryError as error:
        raise DataError(f"{shown(where)}: takes more memory than there is") from error
    except ValueError as error:
        raise DataError(
            f"{shown(where)}: a list whose parts differ in size", hint="it should be an array"
        ) from error
