"""The manifest of a pack: what its shards hold, and their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imgrec.data.storage import cannot_read, is_file, open_file, read_bytes
from imgrec.errors import DataError
from imgrec.text import printable

FILE_NAME = "manifest.json"

# The features of a pack's records, besides what else is known of an image.
IMAGE = "image/encoded"
LABEL = "image/class/label"
TEXT = "image/class/text"
NAME = "image/filename"

# pydantic has the words of Python for these.
_NOT = {
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "tuple_type": "is not a list",
}

_Count = Annotated[int, Field(ge=0)]
_Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Part = Literal["train", "validation", "test"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Shard(_Model):
    """A file of records. size: in bytes."""

    file: str
    split: _Part
    images: _Count
    size: _Count
    sha256: _Hash


class PackedSplit(_Model):
    """A split. fingerprint: that of its data set. classes: how many images each has."""

    images: _Count
    fingerprint: _Hash
    classes: dict[str, _Count]


class Manifest(_Model):
    """What a pack holds.

    label_map: the class of each number (as text) that `image/class/label` may hold.
    multi_label: whether an image may have several classes, or none.
    """

    schema_version: Literal[1]
    classes: tuple[str, ...] = Field(strict=False)
    label_map: dict[str, str]
    multi_label: bool
    splits: dict[_Part, PackedSplit]
    shards: tuple[Shard, ...] = Field(strict=False)


def is_pack(path: Path) -> bool:
    """Say whether there is a manifest in the folder `path`."""
    return is_file(path / FILE_NAME)


def manifest_beside(files: Sequence[Path], *, whole: bool) -> Manifest | None:
    """Return the manifest in the folder of `files`, None if there is none.

    whole: whether these are all TFRecord files of the folder. Raises DataError if the manifest
    can't be used, or names other files than there are.
    """
    folders = {file.parent for file in files}
    found = [folder / FILE_NAME for folder in sorted(folders) if is_pack(folder)]
    if not found:
        return None
    if len(folders) > 1:
        raise DataError(
            f"files of several folders, and {printable(str(found[0]))} names those of one",
            hint="name one pack with data.root",
        )
    manifest = _read(found[0])
    _compare(manifest, {file.name for file in files}, found[0], whole=whole)
    return manifest


def check_shard(manifest: Manifest, file: Path) -> None:
    """Raise DataError if `file` is not the shard that the manifest describes."""
    shard = next(each for each in manifest.shards if each.file == file.name)
    with open_file(file) as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != shard.sha256:
        raise DataError(
            f"{printable(str(file))} changed since it was packed: its SHA-256 is not that of "
            f"{FILE_NAME}",
            hint="fetch it again, or pack the images again with `imgrec data pack`",
        )


def _read(path: Path) -> Manifest:
    try:
        return Manifest.model_validate(json.loads(read_bytes(path)))
    except OSError as error:
        raise cannot_read(path, error) from error
    except ValidationError as error:
        raise _unusable(path, _first_problem(error)) from error
    except ValueError as error:
        raise _unusable(path, "it is not JSON, or was cut short") from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(key) for key in first["loc"])
    reason = _NOT.get(first["type"], first["msg"].lower())
    return f"{printable(place)}: {reason}" if place else f"it {reason}"


def _unusable(path: Path, reason: str) -> DataError:
    return DataError(
        f"{printable(str(path))} is not a manifest of `imgrec data pack`: {reason}",
        hint="fetch it again; if it belongs to something else, move it elsewhere",
    )


def _compare(manifest: Manifest, there: set[str], path: Path, *, whole: bool) -> None:
    known = {shard.file for shard in manifest.shards}
    if strange := sorted(there - known):
        raise DataError(
            f"{printable(str(path))} doesn't name {printable(strange[0])}",
            hint="move files that do not belong to the pack elsewhere",
        )
    if whole and (missing := sorted(known - there)):
        raise DataError(
            f"{printable(str(path.parent))} lacks {printable(missing[0])}, which {FILE_NAME} names",
            hint="fetch the file again, or pack the images again with `imgrec data pack`",
        )
