"""The kinds of files that strangers make, the commands that read them, and what they may answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.fuzz.containers import (
    mutate_gzipped_idx,
    mutate_hdf5,
    mutate_idx,
    mutate_litert,
    mutate_npz,
    mutate_pickle,
    mutate_tfrecord,
)
from tools.fuzz.documents import mutate_json, mutate_yaml, zipped
from tools.fuzz.mutations import Mutation, mutate_bytes, mutate_text, one_of
from tools.fuzz.pictures import (
    mutate_boxes,
    mutate_jpeg,
    mutate_picture,
    mutate_png,
    mutate_tiff,
    mutate_webp,
)

RUNS = ("--runs-dir", "runs")
IMPORTED = ("--runs-dir", "imported")
PHOTO = "photos/dark/1.png"

Commands = Callable[[str], Sequence[Sequence[str]]]


@dataclass(frozen=True)
class Kind:
    """Files of one kind.

    Attributes:
        seeds: Pattern of the files to mutate, below the folder of the seeds.
        mutate: How.
        commands: From a file's path to the command lines that read it.
        statuses: With which exit statuses these may end.
        seconds: How much processor time they may take together.
        prepare: What is done first, with the file's path.
    """

    seeds: str
    mutate: Mutation
    commands: Commands
    statuses: tuple[int, ...]
    seconds: int = 20
    prepare: Callable[[Path], object] = lambda _: None


def _data(seeds: str, mutate: Mutation, *, whole_folder: bool = False) -> Kind:
    def commands(file: str) -> Sequence[Sequence[str]]:
        return [("check", file.rpartition("/")[0] if whole_folder else file)]

    return Kind(seeds, mutate, commands, (0, 3))


def _picture(name: str, mutate: Mutation) -> Kind:
    def commands(file: str) -> Sequence[Sequence[str]]:
        return [("predict", file, "--model", "tiny-1", *RUNS), ("check", f"pictures/{name}")]

    return Kind(f"pictures/{name}/seeds/*", mutate, commands, (0, 3))


def _import(file: str) -> Sequence[Sequence[str]]:
    classes = () if "/own" in file or "/int8" in file else ("--classes", "labels.txt")
    return [("import", file, *classes, *IMPORTED), ("predict", PHOTO, *IMPORTED)]


def _labels(file: str) -> Sequence[Sequence[str]]:
    return [("import", "models/plain.tflite", "--classes", file, *IMPORTED)]


def _card(_: str) -> Sequence[Sequence[str]]:
    return [
        ("runs", "list", *RUNS),
        ("runs", "show", "tiny-1", *RUNS),
        ("predict", PHOTO, "--model", "tiny-1", *RUNS),
    ]


def _run_files(_: str) -> Sequence[Sequence[str]]:
    return [
        ("runs", "show", "tiny-1", *RUNS),
        ("evaluate", "tiny-1", "--engine", "litert", "--report", "report.md", *RUNS),
        ("evaluate", "tiny-1", "--engine", "litert", "--data", "photos", "--allow-leakage", *RUNS),
    ]


def _run_model(file: str) -> Sequence[Sequence[str]]:
    engine = "keras" if file.endswith(".keras") else "litert"
    return [("predict", PHOTO, "--model", "tiny-1", "--engine", engine, *RUNS)]


def _with_hash(file: Path) -> None:
    """Write the hash of a model into the card beside it, as whoever changes a run would."""
    card = file.with_name("card.json")
    document = json.loads(card.read_bytes())
    document["hashes"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    card.write_text(json.dumps(document), "utf-8")


def _weights(file: str) -> Sequence[Sequence[str]]:
    return [("train", "configs/tiny.yaml", "--dry-run", "--set", f"model.weights={file}")]


def _network(file: str) -> Sequence[Sequence[str]]:
    return [("train", file, "--dry-run")]


_KERAS = zipped({".json": mutate_json, ".h5": mutate_hdf5, ".txt": mutate_text})
_EXPORTED = zipped({".json": mutate_json, ".txt": mutate_text})
_LITERT = one_of(mutate_litert, mutate_litert, _EXPORTED)
_TEXT = one_of(mutate_text, mutate_json)

KINDS = {
    "tflite": Kind("models/*.tflite", _LITERT, _import, (0, 2, 4)),
    "keras": Kind("models/*.keras", _KERAS, _import, (0, 2, 4), seconds=60),
    "weights": Kind("weights/*.h5", mutate_hdf5, _weights, (0, 2, 4), seconds=60),
    "labels": Kind("labels/*", _TEXT, _labels, (0, 2, 3, 4)),
    "card": Kind("runs/tiny-1/card.json", mutate_json, _card, (0, 4)),
    "run": Kind("runs/tiny-1/*[!d].[cj]s*", _TEXT, _run_files, (0, 2, 3, 4)),
    "run-config": Kind("runs/tiny-1/config.yaml", mutate_yaml, _run_files, (0, 2, 3, 4)),
    "run-tflite": Kind(
        "runs/tiny-1/*.tflite", mutate_litert, _run_model, (0, 4), prepare=_with_hash
    ),
    "run-keras": Kind(
        "runs/tiny-1/best.keras", _KERAS, _run_model, (0, 4), seconds=60, prepare=_with_hash
    ),
    "yaml": Kind("configs/*", mutate_yaml, lambda file: [("check", file)], (0, 2, 3)),
    "network": Kind("configs/*", mutate_yaml, _network, (0, 2, 3, 4), seconds=60),
    "npz": _data("npz/*", mutate_npz),
    "idx": _data("idx/*", mutate_idx, whole_folder=True),
    "idx-gz": _data("idx_gz/*", mutate_gzipped_idx, whole_folder=True),
    "pickle": _data("pickle/*", mutate_pickle),
    "tfrecord": _data("tfrecord/*", mutate_tfrecord),
    "pack": _data("pack/*", one_of(mutate_json, mutate_json, mutate_tfrecord), whole_folder=True),
    "csv": _data("csv/*", one_of(mutate_text, mutate_text, mutate_text, mutate_bytes)),
    "jpeg": _picture("jpeg", mutate_jpeg),
    "png": _picture("png", mutate_png),
    "gif": _picture("gif", mutate_picture),
    "bmp": _picture("bmp", mutate_picture),
    "webp": _picture("webp", mutate_webp),
    "tiff": _picture("tiff", mutate_tiff),
    "ppm": _picture("ppm", one_of(mutate_picture, mutate_text)),
    "jpeg2000": _picture("jp2", mutate_boxes),
    "avif": _picture("avif", mutate_boxes),
    "heic": _picture("heic", mutate_boxes),
}  # fmt: skip
