"""Read the names of a model's classes from a file, in the order of its output."""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from imgrec.errors import DataError, RunError
from imgrec.stderr import stdout_to_stderr
from imgrec.text import printable

MAX_BYTES = 16 << 20

_FORMS = (
    "one name per line, a JSON list of names, a JSON object of numbers and names, or Keras' "
    'class index, {"0": ["n01440764", "tench"], …}'
)


class _Class(NamedTuple):
    """A class's name, and its WordNet number if the file has it."""

    name: str
    number: str = ""


def read_classes(path: Path) -> tuple[str, ...]:
    """Return the names in `path`, in the order of the model's output.

    The file has one name per line, or is JSON: a list of names, an object of indices and names
    (either way round), or Keras' class index. In the latter, a name that several classes share is
    followed by the WordNet number: `crane (n02012849)`.

    Raises:
        DataError: The file can't be read, has another format, or repeats a name.
    """
    place = printable(str(path))
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{place} is larger than {MAX_BYTES >> 20} MiB")
        names = _with_numbers(_classes(path.read_text("utf-8-sig")))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"--classes {place} can't be read: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{place} is not a list of classes", hint=f"it should contain {_FORMS}"
        ) from error
    _check(names, place)
    return names


def imagenet_classes() -> tuple[str, ...]:
    """Return the names of ImageNet's 1,000 classes from Keras' class index.

    Keras downloads it once to ~/.keras/models (or below $KERAS_HOME).

    Raises:
        RunError: It is not there and can't be downloaded.
    """
    import keras
    from keras.src.applications.imagenet_utils import CLASS_INDEX_PATH

    name = CLASS_INDEX_PATH.rpartition("/")[2]
    try:
        with stdout_to_stderr():
            path = keras.utils.get_file(
                name,
                CLASS_INDEX_PATH,
                cache_dir=os.environ.get("KERAS_HOME"),
                cache_subdir="models",
                file_hash="c2c37ea517e94d9795004a39431a14cb",
            )
    except Exception as error:  # Keras raises a bare Exception for a failed download
        raise RunError(
            f"ImageNet's class names can't be downloaded: {printable(str(error))}",
            hint=f"put {name} into ~/.keras/models, or give a file of names instead of `imagenet`",
        ) from error
    return read_classes(Path(path))


def _classes(text: str) -> list[_Class]:
    if text.lstrip()[:1] not in ("[", "{"):
        return [_Class(line.strip()) for line in text.rstrip().splitlines()]
    document = json.loads(text)
    if isinstance(document, list):
        return [_Class(_name(each)) for each in document]
    if all(isinstance(value, int) for value in document.values()):
        names = {str(index): name for name, index in document.items()}
        document = names if len(names) == len(document) else {}
    return [_indexed(document[str(index)]) for index in _indices(document)]


def _indices(document: dict[str, Any]) -> range:
    indices = range(len(document))
    if not document or document.keys() != {str(index) for index in indices}:
        raise ValueError("the keys do not count from 0")
    return indices


def _indexed(entry: Any) -> _Class:
    if isinstance(entry, list) and len(entry) == 2:
        return _Class(_name(entry[1]), _name(entry[0]))
    return _Class(_name(entry))


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a name is not a string")
    return value


def _with_numbers(classes: Sequence[_Class]) -> tuple[str, ...]:
    counts = collections.Counter(each.name for each in classes)
    return tuple(
        f"{each.name} ({each.number})" if counts[each.name] > 1 and each.number else each.name
        for each in classes
    )


def _check(names: Sequence[str], place: str) -> None:
    if "" in names:
        raise DataError(f"{place}: class {names.index('') + 1} has no name")
    repeated = [name for name, count in collections.Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"{place} has the class {printable(repeated[0])} more than once",
            hint="give each class a unique name, such as `crane (bird)`",
        )
    if len(names) < 2:
        count = len(names) or "no"
        raise DataError(f"{place} contains {count} class name; a model needs two or more")
