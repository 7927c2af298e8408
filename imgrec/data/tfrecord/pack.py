"""Images packed into shards, TFRecord files of encoded images, and the manifest that lists them."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from imgrec.data.records import Record, SplitName
from imgrec.data.split import draw
from imgrec.data.storage import cannot_read, is_file, open_file, read_bytes
from imgrec.data.tfrecord.framing import RecordWriter, example
from imgrec.errors import BadImage, DataError
from imgrec.files import MAX_DOCUMENT_BYTES, sha256
from imgrec.json_documents import from_builtins, parse_json
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Task
from imgrec.text import printable

FILE_NAME = "manifest.json"

# The features of a pack's records, besides what else is known of an image.
IMAGE = "image/encoded"
LABEL = "image/class/label"
TEXT = "image/class/text"
NAME = "image/filename"

_Count = Annotated[int, Meta(ge=0)]
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Shard(Struct, frozen=True):
    """A file of records."""

    file: str
    split: SplitName
    images: _Count
    size: Annotated[int, Meta(ge=0, description="In bytes.")]
    sha256: _Hash


class PackedSplit(Struct, frozen=True):
    """A split of the images."""

    images: _Count
    fingerprint: Annotated[_Hash, Meta(description="That of its data set.")]
    classes: Annotated[dict[str, _Count], Meta(description="How many images each class has.")]


class SkippedImage(Struct, frozen=True):
    """An image that could not be read."""

    name: str
    reason: str


class Manifest(Struct, frozen=True):
    """What a pack holds."""

    schema_version: Literal[1]
    classes: tuple[str, ...]
    label_map: Annotated[
        dict[str, str],
        Meta(description="The class of each number that `image/class/label` may hold."),
    ]
    multi_label: Annotated[
        bool, Meta(description="Whether an image may have several classes, or none.")
    ]
    splits: dict[SplitName, PackedSplit]
    shards: tuple[Shard, ...]
    skipped: Annotated[
        tuple[SkippedImage, ...], Meta(description="Images that were left out.")
    ] = ()


def is_pack(path: Path) -> bool:
    """Return whether there is a manifest in the folder `path`."""
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
        document = parse_json(read_bytes(path, MAX_DOCUMENT_BYTES))
    except OSError as error:
        raise cannot_read(path, error) from error
    except ValueError as error:
        raise _unusable(path, "it is not JSON, or was cut short") from error
    try:
        return from_builtins(Manifest, document, more_keys=True)
    except ValueError as error:
        raise _unusable(path, printable(str(error))) from error


def _unusable(path: Path, reason: str) -> DataError:
    return DataError(
        f"{printable(str(path))} is not a manifest of `imgrec data pack`: {reason}",
        hint="fetch it again; if it belongs to something else, move it elsewhere",
    )


def _compare(manifest: Manifest, there: set[str], path: Path, *, whole: bool) -> None:
    number = Counter(shard.file for shard in manifest.shards)
    known = set(number)
    if twice := next((name for name in number if number[name] > 1), None):
        raise _unusable(path, f"it names {printable(twice)} twice")
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


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgrec.scores import Skipped

# Whole files wait here.
_AHEAD = 8

# An image is decoded only to know that it can be; the size makes no difference to that.
_SIDE = 32


@dataclass(frozen=True)
class Packing:
    """How images become records.

    classes: the names of the labels. numbers: the number of each in a record. seed: the order
    of the images depends on it. max_megapixels: of an image that is decoded.
    """

    classes: Sequence[str]
    numbers: Sequence[int]
    seed: int
    max_megapixels: int


@dataclass(frozen=True)
class Shards:
    """What was written of a split; bad: the images left out because they can't be read."""

    written: tuple[Shard, ...]
    identities: Mapping[str, str]
    bad: tuple[Skipped, ...]


@dataclass(frozen=True)
class _Sound:
    """An image that can be read. content: of its file, or of a PNG with its pixels."""

    content: bytes
    identity: str


def write_shards(
    folder: Path,
    split: SplitName,
    records: Sequence[Record],
    count: int,
    packing: Packing,
    task: Task,
) -> Shards:
    """Write `records` into `count` files of `folder`, fewer if there are fewer records.

    Each file is a random sample of the split, drawn from names and seed. The same images give
    the same bytes. A few images per core are in memory at a time. Raises OSError.
    """
    from imgrec.scores import Skipped

    order = sorted(records, key=lambda record: draw(record.name, packing.seed))
    count = min(count, len(order))
    bounds = [len(order) * number // count for number in range(count + 1)]
    look_at = partial(_look, max_megapixels=packing.max_megapixels)
    looks = map_in_order(look_at, order, usable_cores(), _AHEAD)
    written, identities, bad = [], {}, []
    for number, (start, end) in enumerate(pairwise(bounds)):
        with RecordWriter(folder / f"{split}.tfrecord-{number:05d}-of-{count:05d}") as writer:
            for record, look in zip(order[start:end], looks, strict=False):
                if isinstance(look, BadImage):
                    bad.append(Skipped(record.name, look.reason))
                else:
                    identities[record.name] = look.identity
                    writer.write(_example(record, look.content, packing))
                task.advance()
        written.append(_shard(writer, split))
    return Shards(tuple(written), identities, tuple(bad))


def describe_split(
    records: Sequence[Record], identities: Mapping[str, str], classes: Sequence[str]
) -> PackedSplit:
    """Return the entry of a manifest for a split of these records."""
    from imgrec.data.images import fingerprint

    counts = Counter(label for record in records for label in record.labels)
    return PackedSplit(
        images=len(records),
        fingerprint=fingerprint(records, identities, classes),
        classes={name: counts[label] for label, name in enumerate(classes)},
    )


def _look(record: Record, max_megapixels: int) -> _Sound | BadImage:
    import numpy as np

    from imgrec.data.images import ImageSpec, content_of, decode

    spec = ImageSpec(_SIDE, _SIDE, channels=3, max_megapixels=max_megapixels)
    try:
        content = content_of(record.source, record.name)
        decode(content, spec, record.name)
    except BadImage as error:
        return error
    encoded = content if isinstance(content, bytes) else _png(np.asarray(content))
    return _Sound(encoded, sha256(encoded))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    flat = pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels
    Image.fromarray(flat).save(stream, "PNG")
    return stream.getvalue()


def _example(record: Record, encoded: bytes, packing: Packing) -> bytes:
    labels = record.labels
    texts = {name: [_bytes(value)] for name, value in record.extra.items()}
    texts[IMAGE] = [encoded]
    texts[TEXT] = [_bytes(packing.classes[label]) for label in labels]
    texts[NAME] = [_bytes(record.name)]
    texts.pop(LABEL, None)
    return example(texts, {LABEL: [packing.numbers[label] for label in labels]})


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _shard(writer: RecordWriter, split: SplitName) -> Shard:
    return Shard(writer.path.name, split, writer.records, writer.size, writer.sha256)
