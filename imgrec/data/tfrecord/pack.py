"""Images written as shards: TFRecord files that hold each image's own encoded bytes."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from imgrec.data.records import Record
from imgrec.data.split import draw
from imgrec.data.tfrecord.framing import RecordWriter, example
from imgrec.data.tfrecord.manifest import IMAGE, LABEL, NAME, TEXT, PackedSplit, Shard
from imgrec.errors import BadImage
from imgrec.files import sha256
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Task

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
    of the images depends on it.
    """

    classes: Sequence[str]
    numbers: Sequence[int]
    seed: int


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
    folder: Path, split: str, records: Sequence[Record], count: int, packing: Packing, task: Task
) -> Shards:
    """Write `records` into `count` files of `folder`, fewer if there are fewer records.

    Each file is a random sample of the split, drawn from names and seed. The same images give
    the same bytes. A few images per core are in memory at a time. Raises OSError.
    """
    from imgrec.scores import Skipped

    order = sorted(records, key=lambda record: draw(record.name, packing.seed))
    count = min(count, len(order))
    bounds = [len(order) * number // count for number in range(count + 1)]
    looks = map_in_order(_look, order, usable_cores(), _AHEAD)
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


def _look(record: Record) -> _Sound | BadImage:
    import numpy as np

    from imgrec.data.images import ImageSpec, inspect_image

    found = inspect_image(record, ImageSpec(_SIDE, _SIDE, channels=3))
    if isinstance(found.pixels, BadImage):
        return found.pixels
    content = found.content
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


def _shard(writer: RecordWriter, split: str) -> Shard:
    return Shard.model_validate(
        {
            "file": writer.path.name,
            "split": split,
            "images": writer.records,
            "size": writer.size,
            "sha256": writer.sha256,
        }
    )
