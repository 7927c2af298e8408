"""Safety checks of model files, before Keras or LiteRT load them.

They are stricter than Keras' safe mode and don't rely on it. A file may contain only names from an
allow-list, and numbers that are in the file itself.
"""

from __future__ import annotations

import io
import json
import mmap
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from imgrec.errors import RunError
from imgrec.models.files.hdf5 import RefusedFile, check_hdf5
from imgrec.models.files.layer_allowlist import check_layer_names
from imgrec.models.files.metadata import DESCRIPTION, LABELS
from imgrec.text import printable

MAX_BYTES = 16 << 30
# Offsets in a flatbuffer have 32 bits; what is beyond can't be checked.
MAX_LITERT_BYTES = 2 << 30
# The longest one in keras.applications, NASNetLarge's, has 1.4 MB.
MAX_CONFIG_BYTES = 32 << 20

# Keras does not compress its members; other tools that compress weights save a tenth.
_MAX_EXPANSION = 20
_SMALL = 1 << 20

_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"
_MEMBERS = (_CONFIG, _WEIGHTS, _METADATA, LABELS, DESCRIPTION)

# Offsets of fields in LiteRT's schema. Importing its Python module would take longer than
# predicting a photo.
_OPERATOR_CODES, _EXTERNAL_GROUPS, _EXTERNAL_BUFFERS = 6, 20, 22
_CUSTOM_CODE, _BUILTIN_CODE = 6, 10
_CUSTOM = 32  # the code of all custom operators

_HINT = "see docs/security.md for what is safe to load, and what is refused"


def check_keras(path: Path) -> None:
    """Raise RunError unless the `.keras` file at `path` contains known layers and plain weights.

    Refused are unknown members, absurd sizes, Lambda layers, layers that read files, custom objects
    and functions, and weights outside the file.
    """
    _check_file(path, MAX_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            check_layer_names(json.loads(archive.read(_CONFIG)))
            with io.BytesIO(archive.read(_WEIGHTS)) as weights:
                check_hdf5(weights)
    except RefusedFile as error:
        raise _refusal(path, str(error)) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError) as error:
        raise RunError(
            f"{printable(str(path))} is not a complete .keras file: {printable(str(error))}",
            hint=_HINT,
        ) from error
    except (ValueError, RecursionError, NotImplementedError, RuntimeError) as error:
        raise _refusal(
            path, f"its {_CONFIG} can't be read: {printable(str(error))[:200]}"
        ) from error


def check_weights(path: Path) -> None:
    """Raise RunError unless the weights file at `path` (.h5, .keras) contains all its numbers.

    Refused: links to other files, data sets that lie outside the file or claim more than it has.
    """
    if path.suffix == ".keras":
        return check_keras(path)
    if path.suffix not in (".h5", ".hdf5"):
        raise RunError(
            f"{printable(str(path))} is not a weights file: its name does not end in .h5 or .keras",
            hint="Keras saves weights with `model.save_weights('x.weights.h5')`",
        )
    _check_file(path, MAX_BYTES)
    with path.open("rb") as file:
        return _check_hdf5_file(path, file)


def check_litert(path: Path) -> None:
    """Raise RunError unless the file at `path` is a LiteRT model with built-in operators only.

    Refused: other files, custom operators and TensorFlow's (`Flex…`), weights in other files.
    """
    _check_file(path, MAX_LITERT_BYTES)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[4:8] != b"TFL3":
            raise RunError(f"{printable(str(path))} is not a LiteRT model (.tflite)", hint=_HINT)
        try:
            reason = _objection(content)
        except (struct.error, IndexError, ValueError, TypeError) as error:
            raise RunError(f"{printable(str(path))} is damaged", hint=_HINT) from error
    if reason:
        raise _refusal(path, reason)


def _refusal(path: Path, reason: str) -> RunError:
    return RunError(f"{printable(str(path))} is refused: {reason}", hint=_HINT)


def _check_file(path: Path, most: int) -> None:
    place = printable(str(path))
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise RunError(f"{place} can't be read: {reason}") from error
    if not stat.S_ISREG(status.st_mode):
        raise RunError(f"{place} is not a file")
    if status.st_size == 0:
        raise RunError(f"{place} is empty")
    if status.st_size > most:
        raise RunError(f"{place} is refused: it is larger than {most >> 30} GiB")


def _check_members(archive: zipfile.ZipFile) -> None:
    """Refuse unknown and repeated members, and those that expand to far more than their size.

    No more than the declared size is read of a member, so the sizes are reliable.
    """
    names = [member.filename for member in archive.infolist()]
    surplus = [name for name in names if name not in _MEMBERS]
    if surplus:
        raise RefusedFile(f"it contains {printable(surplus[0][:80])}, which no model needs")
    for name in (_CONFIG, _WEIGHTS):
        if names.count(name) != 1:
            raise RefusedFile(f"it contains {names.count(name)} files {name}, expected one")
    for member in archive.infolist():
        size, packed = member.file_size, member.compress_size
        if size > _SMALL and size > _MAX_EXPANSION * packed:
            raise RefusedFile(f"its {member.filename} would expand from {packed} to {size} bytes")
    if archive.getinfo(_CONFIG).file_size > MAX_CONFIG_BYTES:
        raise RefusedFile(f"its {_CONFIG} is larger than {MAX_CONFIG_BYTES >> 20} MiB")


def _check_hdf5_file(path: Path, file: BinaryIO) -> None:
    try:
        check_hdf5(file)
    except RefusedFile as error:
        raise _refusal(path, str(error)) from error


def _objection(content: mmap.mmap) -> str:
    """Return what a LiteRT model needs that is not in the file; empty if nothing."""
    from flatbuffers.table import Table

    model = Table(content, struct.unpack_from("<I", content)[0])
    for field in (_EXTERNAL_GROUPS, _EXTERNAL_BUFFERS):
        if (place := model.Offset(field)) and model.VectorLen(place):
            return "its weights are in other files"
    codes = model.Offset(_OPERATOR_CODES)
    for index in range(model.VectorLen(codes) if codes else 0):
        code = Table(content, model.Indirect(model.Vector(codes) + 4 * index))
        if (name := code.Offset(_CUSTOM_CODE)) or _builtin(code) == _CUSTOM:
            operator = printable(
                code.String(code.Pos + name).decode("utf-8", "replace")[:80] if name else ""
            )
            return f"it needs the operator {operator}, which is not a built-in of LiteRT"
    return ""


def _builtin(code: Any) -> int:
    place = code.Offset(_BUILTIN_CODE)
    return int(struct.unpack_from("<i", code.Bytes, code.Pos + place)[0]) if place else 0
