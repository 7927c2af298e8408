"""The images of a config or a path, written as TFRecord shards with a manifest."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.config.data import Data
from imgrec.data.classes import relabelled
from imgrec.data.findings import log_findings
from imgrec.data.records import SPLITS, Dataset, Record, SplitName, Splits, first_multilabel
from imgrec.data.sources import DataLocation, detect_loader, loader_keys, loader_named
from imgrec.data.tfrecord import (
    FILE_NAME,
    LOADER,
    Manifest,
    Packing,
    Shards,
    SkippedImage,
    describe_split,
    write_shards,
)
from imgrec.errors import DataError
from imgrec.files import write_folder, write_text
from imgrec.json_documents import json_text
from imgrec.progress import Progress, Silent
from imgrec.scores import Skipped
from imgrec.sections.yaml import read as read_yaml
from imgrec.sections.yaml_errors import YamlError
from imgrec.text import class_name, printable
from imgrec.workflows.data_argument import DataArgument, max_megapixels, splits_of
from imgrec.workflows.prepare import records_of, without

# Keys of loaders that mean the same for the pack as for what was packed.
_KEPT = ("label_map", "multi_label")


@dataclass(frozen=True)
class Packed:
    """A pack. overrides: with them, the config that it was made with trains from it."""

    path: Path
    manifest: Manifest
    overrides: tuple[str, ...]


class PackDocument(Struct, frozen=True):
    """What `imgrec data pack` prints."""

    schema_version: Literal[1]
    path: Annotated[str, Meta(description="The folder that was written.")]
    overrides: Annotated[
        tuple[str, ...],
        Meta(description="With each of them as `--set`, the config trains from the pack."),
    ]
    manifest: Manifest


def pack(
    source: DataArgument, output: Path, *, shards: int = 1, progress: Progress | None = None
) -> Packed:
    """Write the images of `source` into the new folder `output`: shards, and last the manifest.

    An image that is a file keeps its bytes; pixels become PNG. Each split has `shards` files, or
    one for each image if there are fewer. Classes have the numbers of `data.label_map`, else
    those of their order, from 0. The same images give the same bytes.

    Raises DataError for images that can't be read, unless `data.bad_images` is `skip`, and like
    `read`; RunError if `output` can't be written. Nothing is left of it then.
    """
    data = _without_map(source.data)
    label_map = source.data.options(LOADER).label_map
    splits, numbers = _numbered(splits_of(data, source.seed), label_map)
    log_findings(splits.findings)
    packing = Packing(
        splits.classes, tuple(numbers.values()), source.seed, max_megapixels(source.data)
    )
    skip = isinstance(data, Data) and data.bad_images == "skip"
    made: list[Packed] = []

    def write(folder: Path) -> None:
        written = _write(folder, splits, packing, shards, progress or Silent())
        bad = tuple(sorted(each for part in written.values() for each in part.bad))
        kept = without(splits, bad, skip=skip, hint=_way_out(source.data))
        manifest = _manifest(kept, numbers, written, bad)
        made.append(Packed(output, manifest, _overrides(source.data, manifest, output)))
        write_text(folder / FILE_NAME, json_text(manifest))

    write_folder(output, write)
    return made[0]


def _way_out(data: DataLocation) -> str:
    """Return the hint about bad images for data without a config, which could skip them."""
    if isinstance(data, Data):
        return ""
    place = printable(shlex.quote(data.root or ""))
    return f"fix or remove them; `imgrec check {place} --quarantine DIR` moves them"


def _without_map(data: DataLocation) -> DataLocation:
    """Return `data` without a label map that is only for the pack, if its loader reads none."""
    place, key = (data.root, "data.root") if data.train is None else (data.train, "data.train")
    loader = loader_named(data.loader) if data.loader else detect_loader(str(place), key)
    read = "label_map" in loader.options.model_fields
    return data if read else data.model_copy(update={"label_map": None})


def _numbered(splits: Splits, label_map: Mapping[str, str] | None) -> tuple[Splits, dict[str, int]]:
    """Return the splits in the order of the map's classes, and the number of each class."""
    for name in splits.classes:
        _check_text(name)
    if label_map is None:
        return splits, {name: number for number, name in enumerate(splits.classes)}
    numbers = {class_name(name): int(number) for number, name in label_map.items()}
    order = [name for name in numbers if name in splits.classes]
    if missing := [name for name in splits.classes if name not in numbers]:
        raise DataError(
            f"data.label_map has no number for {', '.join(map(printable, missing))}",
            hint=f"it has {', '.join(map(printable, numbers))}",
        )
    return _in_order(splits, order), {name: numbers[name] for name in order}


def _in_order(splits: Splits, classes: Sequence[str]) -> Splits:
    def ordered(records: tuple[Record, ...]) -> tuple[Record, ...]:
        return relabelled(Dataset(records, splits.classes), classes, "the images").records

    return replace(
        splits,
        classes=tuple(classes),
        train=ordered(splits.train),
        validation=ordered(splits.validation),
        test=ordered(splits.test),
    )


def _check_text(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(f"class {printable(name)} is not UTF-8", hint="rename its folder") from None


def _write(
    folder: Path, splits: Splits, packing: Packing, shards: int, progress: Progress
) -> dict[SplitName, Shards]:
    parts = dict(records_of(splits))
    with progress.task("packing images", sum(map(len, parts.values()))) as task:
        return {
            part: write_shards(folder, part, records, shards, packing, task)
            for part, records in parts.items()
        }


def _manifest(
    splits: Splits,
    numbers: Mapping[str, int],
    written: Mapping[SplitName, Shards],
    bad: Sequence[Skipped],
) -> Manifest:
    return Manifest(
        schema_version=1,
        classes=splits.classes,
        label_map={str(number): name for name, number in numbers.items()},
        multi_label=first_multilabel(splits.train) is not None,
        splits={
            part: describe_split(records, written[part].identities, splits.classes)
            for part, records in records_of(splits)
        },
        shards=tuple(shard for part in written.values() for shard in part.written),
        skipped=tuple(SkippedImage(each.name, each.reason) for each in bad),
    )


def _overrides(data: DataLocation, manifest: Manifest, output: Path) -> tuple[str, ...]:
    """Return the overrides that put the pack in the place of the config's images."""
    changed = {"root": _as_yaml(str(output))}
    if data.loader not in {None, LOADER.name}:
        changed["loader"] = LOADER.name
    settled = [*SPLITS, *(key for key in loader_keys() if key not in _KEPT)]
    if len(manifest.splits) > 1:
        settled.append("split")
    changed |= {key: "null" for key in settled if getattr(data, key) is not None}
    return tuple(f"data.{key}={value}" for key, value in changed.items())


def _as_yaml(text: str) -> str:
    try:
        plain = read_yaml(text).value == text
    except YamlError:
        plain = False
    return text if plain else json.dumps(text)
